/// In a request's extensions: a trap for machines caught whoever asks for it.
///
/// An app that hides a form field from people, or knows how soon the form came back, inserts it into its request to 8x8
/// where the field was filled, or the form came faster than a person can fill it. It adds to what else speaks against a
/// message, and stops none alone. Where the guard is on the app's own route, a layer in front of it inserts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Honeytoken;
