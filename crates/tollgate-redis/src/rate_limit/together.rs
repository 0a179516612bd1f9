use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::question::{Answer, Question};
use crate::{Asking, Connection, Fault};

/// How many calls are on their way before requests wait for each other.
const CALLS: usize = 2;

/// How long a request waits for others' answers: it goes then, lest a server that is far away be asked twice in a row.
const PATIENCE: Duration = Duration::from_millis(1);

/// How many requests go in one call: some 0.3 ms of the server's time.
const REQUESTS: usize = 64;

/// Requests that come while others are on their way to the server go there in one call.
///
/// A few are asked about as they come. Further ones wait until one of these is answered, or a millisecond, and then go all
/// together: the more there are, the less the server and the node have to do for each.
pub(crate) struct Together {
    connection: Connection,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    calls: usize,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    asking: Asking,
    question: Question,
    answer: oneshot::Sender<Result<Answer, Fault>>,
}

/// Where an answer comes, and whether nobody else waited before.
struct Place {
    answer: oneshot::Receiver<Result<Answer, Fault>>,
    is_first: bool,
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
        let mut place = match self.line_up(asking, question) {
            Ok((_turn, question)) => return question.ask(asking).await,
            Err(place) => place,
        };
        if place.is_first
            && let Ok(answer) = timeout(PATIENCE, &mut place.answer).await
        {
            return answer.unwrap_or(Err(Fault::Late));
        }
        if place.is_first {
            self.go();
        }
        place.answer.await.unwrap_or(Err(Fault::Late))
    }

    fn line_up(self: &Arc<Self>, asking: &Asking, question: Question) -> Result<(Turn, Question), Place> {
        let mut queue = self.queue();
        if queue.calls < CALLS {
            queue.calls += 1;
            return Ok((Turn(Arc::clone(self)), question));
        }
        let (told, answer) = oneshot::channel();
        let is_first = queue.waiting.is_empty();
        queue.waiting.push_back(Waiting { asking: asking.clone(), question, answer: told });
        Err(Place { answer, is_first })
    }

    /// All that wait now, without a turn.
    fn go(self: &Arc<Self>) {
        loop {
            let mut queue = self.queue();
            let next = queue.next();
            if next.is_empty() {
                return;
            }
            queue.calls += 1;
            drop(queue);
            self.send(next, Turn(Arc::clone(self)));
        }
    }

    fn send(&self, all: Vec<Waiting>, turn: Turn) {
        let deadline = self.connection.deadline();
        self.connection.runtime().spawn(async move {
            // The last one knows the server's latest connection.
            let Some(asking) = all.last().map(|waiting| waiting.asking.clone()) else { return };
            let mut asked = pin!(ask_all(all, &asking));
            if timeout(deadline, asked.as_mut()).await.is_err() {
                // Those that wait in line do not wait for what is late.
                drop(turn);
                let _ = asking.late(asked).await;
            }
        });
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Those that go next, without those that wait no more.
    fn next(&mut self) -> Vec<Waiting> {
        let mut next = Vec::new();
        while let Some(waiting) = self.waiting.pop_front() {
            if !waiting.answer.is_closed() {
                next.push(waiting);
            }
            if next.len() == REQUESTS {
                break;
            }
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Self(together) = self;
        let mut queue = together.queue();
        let next = if queue.calls <= CALLS { queue.next() } else { Vec::new() };
        if next.is_empty() {
            queue.calls -= 1;
            return;
        }
        drop(queue);
        together.send(next, Self(Arc::clone(together)));
    }
}

async fn ask_all(all: Vec<Waiting>, asking: &Asking) {
    let questions: Vec<&Question> = all.iter().map(|waiting| &waiting.question).collect();
    // Nobody may be there any more for an answer.
    match Question::ask_all(&questions, asking).await {
        Ok(answers) => all.into_iter().zip(answers).for_each(|(waiting, answer)| {
            let _ = waiting.answer.send(Ok(answer));
        }),
        Err(fault) => all.into_iter().for_each(|waiting| {
            let _ = waiting.answer.send(Err(fault.clone()));
        }),
    }
}
