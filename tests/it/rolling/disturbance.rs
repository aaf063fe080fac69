//! What can happen to a deployment.

use std::fmt;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disturbance {
    /// SIGTERM, and another in its place.
    Restart,
    /// SIGKILL, and another in its place.
    Kill,
    /// SIGSTOP past the session and the lease, then SIGCONT.
    Sleep,
    /// One more, or one fewer.
    Scale,
    Broker,
    Database,
    /// The providers take messages and fall silent.
    Silence,
    /// They refuse.
    Refusal,
    /// They cut the connection, before or after they took the message.
    Reset,
}

impl Disturbance {
    pub const ALL: [Self; 9] = [
        Self::Restart,
        Self::Kill,
        Self::Sleep,
        Self::Scale,
        Self::Broker,
        Self::Database,
        Self::Silence,
        Self::Refusal,
        Self::Reset,
    ];
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restart => "replicas stopped and replaced",
            Self::Kill => "replicas killed and replaced",
            Self::Sleep => "replicas asleep past their session",
            Self::Scale => "times one more or one fewer",
            Self::Broker => "restarts of the broker",
            Self::Database => "restarts of the database",
            Self::Silence => "times silent providers",
            Self::Refusal => "times refusing providers",
            Self::Reset => "times connections cut by providers",
        })
    }
}

/// Each kind as often as another, in any order; of the rest, whatever comes.
pub fn draw(count: usize, random: &mut StdRng) -> Vec<Disturbance> {
    let kinds = Disturbance::ALL;
    let mut drawn: Vec<Disturbance> = kinds.iter().copied().cycle().take(count / kinds.len() * kinds.len()).collect();
    drawn.extend((drawn.len()..count).map(|_| kinds[random.random_range(0..kinds.len())]));
    drawn.shuffle(random);
    drawn
}
