use std::path::Path;

use super::{Config, Problems};

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or what is wrong in it.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let mut problems = Problems::default();
            problems.add("", format!("cannot be read: {error}"));
            problems
        })?;
        Self::parse(&text)
    }

    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// What is wrong in it: a syntax error, an unknown key with the nearest known one, a value of the wrong type.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        toml::from_str(text).map_err(|error| {
            let mut problems = Problems::default();
            let place = error.span().map(|span| place(text, span.start)).unwrap_or_default();
            problems.add(place, explain(error.message()));
            problems
        })
    }
}

/// `line 3: [[rate_limit]] requets`
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count();
    let current = text.lines().nth(line).unwrap_or_default().trim();
    let key = current.split('=').next().unwrap_or_default().trim();
    let table = before.lines().rev().map(str::trim).find(|line| line.starts_with('[')).unwrap_or_default();
    let number = line + 1;
    if key.starts_with('[') || table.is_empty() {
        format!("line {number}, {key}")
    } else {
        format!("line {number}, {table} {key}")
    }
}

/// Adds the nearest known name to serde's list of them.
pub(super) fn explain(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = ["unknown field", "unknown variant"].iter().any(|start| message.starts_with(start));
    match quoted.as_slice() {
        [given, known @ ..] if unknown && !known.is_empty() => {
            let nearest = known
                .iter()
                .max_by(|a, b| strsim::jaro_winkler(given, a).total_cmp(&strsim::jaro_winkler(given, b)));
            let near = nearest.filter(|near| strsim::jaro_winkler(given, near) > 0.7);
            let hint = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            let kind = if message.starts_with("unknown field") { "key" } else { "value" };
            format!("`{given}` is not a known {kind}: {hint}Known are {}", known.join(", "))
        }
        [missing] if message.starts_with("missing field") => {
            format!("the key `{missing}` is missing: add it")
        }
        // The message has the value, which may be a secret.
        _ if message.contains("struct RequiredConfig") => {
            "this is a table: write required = { header = \"…\", value_env = \"…\" }".to_owned()
        }
        _ if message.starts_with("invalid type: map, expected a sequence") => {
            "this is a list of tables: write it with two brackets, such as [[rate_limit]] or [[client_ip.rule]]".to_owned()
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let message = problem("[listen]\ngatewy = \"127.0.0.1:1\"\n");
        assert!(
            message
                .starts_with("line 2, [listen] gatewy: `gatewy` is not a known key: did you mean `gateway`?"),
            "{message}"
        );
        let message = problem("[[rate_limit]]\nname=\"a\"\nrequests=1\nper=\"1s\"\nmode = \"enforced\"\n");
        assert!(message.contains("did you mean `enforce`?"), "{message}");
        assert!(problem("[pump_gard]\n").contains("`pump_guard`"));
    }

    #[test]
    fn a_wrong_value_names_its_place() {
        let message = problem("[[rate_limit]]\nname = \"a\"\nrequests = \"five\"\nper = \"60s\"\n");
        assert!(
            message.contains("line 3") && message.contains("requests") && message.contains("five"),
            "{message}"
        );
        let message = problem("[upstream]\ntimeout = \"10\"\n");
        assert!(message.contains("timeout") && message.contains("not a duration"), "{message}");
    }

    #[test]
    fn an_empty_configuration_means_the_defaults_and_prints_as_one() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.rate_limit.len(), 2);
        let printed = toml::to_string(&config).unwrap();
        assert_eq!(toml::to_string(&Config::parse(&printed).unwrap()).unwrap(), printed);
    }
}
