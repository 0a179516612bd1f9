use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::question::{Answer, Question};
use crate::{Asking, Connection, Fault};

/// How many calls are on their way before requests wait for each other.
const CALLS: usize = 2;

/// How long a request waits for others' answers: it goes then, lest a server that is far away be asked twice in a row.
const PATIENCE: Duration = Duration::from_millis(1);

/// How many requests wait at the most: so many cost little more together, and the server has something to do while the next
/// ones come.
const REQUESTS: usize = 16;

/// How many counts they have at the most, and one request's: a script can read some thousand at once.
const COUNTS: usize = 1024;

/// Requests that come while others are on their way to the server go there in one call.
///
/// One that comes alone is asked about at once. Where there are others, those that are about to come are let do so first, and
/// all go together; when two calls are on their way, as soon as one of them is answered, or there are sixteen, or after a
/// millisecond. The more there are, the less the server and the node have to do for each.
pub(crate) struct Together {
    connection: Connection,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// On their way.
    calls: usize,
    waiting: Vec<Waiting>,
    /// How many counts those have.
    counts: usize,
    /// How often those that waited went.
    gone: u64,
    /// The last ones that went were several.
    is_crowded: bool,
}

struct Waiting {
    asking: Asking,
    question: Question,
    told: oneshot::Sender<Result<Answer, Fault>>,
}

type Told = oneshot::Receiver<Result<Answer, Fault>>;

/// What comes of lining up.
enum Place {
    /// Nobody else is there.
    Alone(Turn, Question),
    /// Behind others, who will see to it that all go.
    InLine(Told),
    /// The first, with a turn for whoever comes.
    WithTurn(Turn, Told),
    /// The first, without a turn: `gone` tells whether somebody else's was used.
    WithoutTurn { told: Told, gone: u64 },
    /// The last, for which all the others have waited.
    Last(Turn, Vec<Waiting>, Told),
}

/// The right to have a call on its way. Whoever waits goes when it is over, however it ends.
struct Turn(Arc<Together>);

impl Together {
    pub(crate) fn new(connection: Connection) -> Arc<Self> {
        Arc::new(Self { connection, queue: Mutex::default() })
    }

    /// Asks the server, however late the answer is. Of one that is given up while it waits, the server never hears.
    pub(crate) async fn ask(self: &Arc<Self>, asking: &Asking, question: Question) -> Result<Answer, Fault> {
        // A script's keys all live in one place of a Cluster; those of several requests do not.
        if self.connection.is_cluster() {
            return question.ask(asking).await;
        }
        let told = match self.line_up(asking, question) {
            Place::Alone(_turn, question) => return question.ask(asking).await,
            Place::InLine(told) => told,
            Place::WithTurn(turn, told) => {
                self.go(turn);
                told
            }
            Place::WithoutTurn { mut told, gone } => {
                if let Ok(answer) = timeout(PATIENCE, &mut told).await {
                    return answer.unwrap_or(Err(Fault::Late));
                }
                if let Some(turn) = self.turn_of(gone) {
                    self.go(turn);
                }
                told
            }
            Place::Last(turn, all, told) => {
                self.connection.runtime().spawn(turn.ask(all));
                told
            }
        };
        told.await.unwrap_or(Err(Fault::Late))
    }

    fn line_up(self: &Arc<Self>, asking: &Asking, question: Question) -> Place {
        let mut queue = self.queue();
        if queue.calls == 0 && queue.waiting.is_empty() && !queue.is_crowded {
            return Place::Alone(self.turn(&mut queue), question);
        }
        let (told, answer) = oneshot::channel();
        queue.counts += question.len();
        queue.waiting.push(Waiting { asking: asking.clone(), question, told });
        if queue.waiting.len() == REQUESTS || queue.counts >= COUNTS {
            Place::Last(self.turn(&mut queue), queue.take(), answer)
        } else if queue.waiting.len() > 1 {
            Place::InLine(answer)
        } else if queue.calls < CALLS {
            Place::WithTurn(self.turn(&mut queue), answer)
        } else {
            Place::WithoutTurn { told: answer, gone: queue.gone }
        }
    }

    fn turn(self: &Arc<Self>, queue: &mut Queue) -> Turn {
        queue.calls += 1;
        Turn(Arc::clone(self))
    }

    /// One more, if nobody went since.
    fn turn_of(self: &Arc<Self>, gone: u64) -> Option<Turn> {
        let mut queue = self.queue();
        (queue.gone == gone).then(|| self.turn(&mut queue))
    }

    /// Asks for all that wait, and those who are about to.
    fn go(&self, turn: Turn) {
        self.connection.runtime().spawn(async move {
            yield_now().await;
            let all = turn.0.queue().take();
            turn.ask(all).await;
        });
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// All that wait, but for those that wait no more.
    fn take(&mut self) -> Vec<Waiting> {
        let mut all = std::mem::take(&mut self.waiting);
        all.retain(|waiting| !waiting.told.is_closed());
        self.counts = 0;
        self.gone += 1;
        self.is_crowded = all.len() > 1;
        all
    }
}

impl Turn {
    async fn ask(self, all: Vec<Waiting>) {
        // The last one knows the server's latest connection.
        let Some(asking) = all.last().map(|waiting| waiting.asking.clone()) else { return };
        let mut asked = pin!(ask_all(all, &asking));
        if timeout(self.0.connection.deadline(), asked.as_mut()).await.is_err() {
            // Those in line do not wait for what is late.
            drop(self);
            let _ = asking.late(asked).await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Self(together) = self;
        let mut queue = together.queue();
        if queue.waiting.is_empty() || queue.calls > CALLS {
            queue.calls -= 1;
            return;
        }
        let next = queue.take();
        drop(queue);
        together.connection.runtime().spawn(Self(Arc::clone(together)).ask(next));
    }
}

async fn ask_all(all: Vec<Waiting>, asking: &Asking) {
    let questions: Vec<&Question> = all.iter().map(|waiting| &waiting.question).collect();
    // Nobody may be there any more for an answer.
    match Question::ask_all(&questions, asking).await {
        Ok(answers) => all.into_iter().zip(answers).for_each(|(waiting, answer)| {
            let _ = waiting.told.send(Ok(answer));
        }),
        Err(fault) => all.into_iter().for_each(|waiting| {
            let _ = waiting.told.send(Err(fault.clone()));
        }),
    }
}
