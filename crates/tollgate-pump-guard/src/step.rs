use std::fmt;
use std::pin::Pin;

/// An answer that has to be asked for elsewhere. Boxed: it costs a round trip, beside which a box costs nothing.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An answer that is there, or will be.
pub enum Step<T> {
    /// Here it is.
    Now(T),
    /// It will be.
    Later(Later<T>),
}

impl<T> Step<T> {
    /// The answer, waited for where it has to be: for a handler that has nothing else to do.
    pub async fn wait(self) -> T {
        match self {
            Self::Now(answer) => answer,
            Self::Later(later) => later.await,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Step<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(answer) => f.debug_tuple("Now").field(answer).finish(),
            Self::Later(_) => f.debug_tuple("Later").finish_non_exhaustive(),
        }
    }
}
