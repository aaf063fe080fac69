//! From where partitions are read: the store says so, for the topics that bear the names now.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, RebalanceProtocol};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::Group;
use crate::bus::identity::{Identities, Question, Told};
use crate::bus::watch::count;
use crate::ports::{Feed, Partition};

/// How often it is asked again from where to read.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long Kafka may take to say which topics bear the names.
const IDENTITY_WITHIN: Duration = Duration::from_secs(5);
/// How often it is looked whether they are still the same.
const LOOK_EVERY: Duration = Duration::from_secs(10);

impl Group {
    /// Reads partitions that wait for their offsets, if it is time to ask the store again.
    pub fn assign_waiting(&self, consumer: &BaseConsumer<Self>) {
        let due = {
            let state = self.state();
            !state.waiting.is_empty() && state.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN)
        };
        if due {
            self.begin(consumer);
        }
    }

    /// Asks the store where to read from and begins there. Returns whether it could.
    pub(super) fn begin(&self, consumer: &BaseConsumer<Self>) -> bool {
        let partitions: Vec<Partition> = {
            let mut state = self.state();
            state.asked = Some(Instant::now());
            state.waiting.iter().cloned().collect()
        };
        let Some(offsets) = self.offsets(consumer, partitions) else { return false };
        let Some(list) = self.list_from(&offsets) else { return false };
        let assigned = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&list),
            // all partitions come at once, so this replaces nothing
            _ => consumer.assign(&list),
        };
        if let Err(error) = assigned {
            tracing::warn!(%error, "assigned partitions could not be read");
            count(&self.shared.counters.errors);
            return false;
        }
        let mut state = self.state();
        state.waiting.clear();
        state.assigned.extend(offsets.iter().map(|(partition, _)| partition.clone()));
        if state.paused {
            self.note("pause", consumer.pause(&list));
        }
        self.shared.begin(&offsets);
        state.outbox.push_back(Feed::Assigned(offsets));
        true
    }

    /// Goes back, or on, to where the store says in partitions whose records were refused. What
    /// was read of them and waits for the channel comes before the news, and so counts for nothing.
    pub fn reread_refused(&self, consumer: &BaseConsumer<Self>) {
        let due = self.state().asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN);
        if !due {
            return;
        }
        let refused = self.shared.take_refused();
        let partitions: Vec<Partition> = self.state().assigned.intersection(&refused).cloned().collect();
        if partitions.is_empty() {
            return;
        }
        self.state().asked = Some(Instant::now());
        if !self.seek(consumer, &partitions) {
            partitions.iter().for_each(|partition| self.shared.refuse(partition));
        }
    }

    fn seek(&self, consumer: &BaseConsumer<Self>, partitions: &[Partition]) -> bool {
        let Some(offsets) = self.offsets(consumer, partitions.to_vec()) else { return false };
        let Some(list) = self.list_from(&offsets) else { return false };
        // the call succeeds although one of its partitions could not be sought
        let sought = consumer
            .seek_partitions(list, ASK_AGAIN)
            .and_then(|list| list.elements().iter().try_for_each(|element| element.error()));
        if let Err(error) = sought {
            tracing::warn!(%error, "partitions could not be read anew");
            count(&self.shared.counters.errors);
            return false;
        }
        self.shared.begin(&offsets);
        self.push(Feed::Assigned(offsets));
        true
    }

    fn list_from(&self, offsets: &[(Partition, Option<i64>)]) -> Option<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let offset = offset.map_or(Offset::Beginning, Offset::Offset);
            if let Err(error) = list.add_partition_offset(&partition.topic, partition.number, offset) {
                return self.not_told(&format!("an offset that Kafka cannot have: {error}"));
            }
        }
        Some(list)
    }

    /// Where to read these partitions from, as the store says of the topics that they are of.
    fn offsets(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: Vec<Partition>,
    ) -> Option<Vec<(Partition, Option<i64>)>> {
        let topics: BTreeSet<Arc<str>> = partitions.iter().map(|partition| Arc::clone(&partition.topic)).collect();
        let question = self.question(consumer, topics.into_iter().collect());
        let told = question.and_then(|question| question.answer(IDENTITY_WITHIN));
        let identities = match told {
            Some(Ok(identities)) => identities,
            // such a broker does not number its topics
            Some(Err(RDKafkaErrorCode::UnsupportedFeature)) => Identities::new(),
            Some(Err(error)) => return self.unanswered(&error.to_string()),
            None => return self.unanswered("no broker answers in time"),
        };
        let offsets = match (self.offsets_of)(&partitions, &identities) {
            Ok(offsets) if offsets.len() == partitions.len() => offsets,
            Ok(_) => return self.not_told("the store answered for other partitions"),
            Err(reason) => return self.not_told(&reason),
        };
        self.state().identities.extend(identities);
        Some(partitions.into_iter().zip(offsets).collect())
    }

    fn unanswered<T>(&self, reason: &str) -> Option<T> {
        self.state().told_by = None;
        self.not_told(&format!("Kafka does not tell which topics they are: {reason}"))
    }

    fn not_told<T>(&self, reason: &str) -> Option<T> {
        tracing::warn!(reason, "it is not known from where to read; it is asked again");
        count(&self.shared.counters.offset_failures);
        None
    }

    /// Asks which topics bear these names, of the broker that was asked before or of any other.
    fn question(&self, consumer: &BaseConsumer<Self>, topics: Vec<Arc<str>>) -> Option<Question> {
        let known = self.state().told_by;
        let broker = known.or_else(|| {
            let metadata = consumer.fetch_metadata(topics.first().map(|topic| &**topic), IDENTITY_WITHIN);
            Some(metadata.ok()?.brokers().first()?.id())
        });
        self.state().told_by = broker;
        Question::ask(consumer.client(), broker?, topics, IDENTITY_WITHIN)
    }

    /// Looks now and then whether the topics are still those that they were. The library goes on
    /// reading a topic that was made anew at the old place, if the new one is long enough.
    pub fn watch_topics(&self, consumer: &BaseConsumer<Self>) {
        let Some(told) = self.answer_of_the_watch(consumer) else { return };
        let Ok(identities) = told else {
            // whoever was asked may be gone
            self.state().told_by = None;
            return;
        };
        let state = self.state();
        // a topic that is gone is taken from us, and met again when it is back
        for (topic, identity) in identities {
            if state.identities.get(&topic).is_some_and(|known| *known != identity) {
                let of_topic = state.assigned.iter().filter(|partition| partition.topic == topic);
                of_topic.for_each(|partition| self.shared.refuse(partition));
            }
        }
    }

    /// What came of the question that is under way; asks one when it is time.
    fn answer_of_the_watch(&self, consumer: &BaseConsumer<Self>) -> Option<Told> {
        let mut state = self.state();
        if let Some(question) = &state.question {
            let told = question.answer(Duration::ZERO)?;
            state.question = None;
            return Some(told);
        }
        let due = state.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY);
        // what is not read any more may be gone, and a topic that is gone spoils the answer for all
        let topics: BTreeSet<Arc<str>> = state.assigned.iter().map(|partition| Arc::clone(&partition.topic)).collect();
        let topics: Vec<Arc<str>> = topics.into_iter().filter(|topic| state.identities.contains_key(topic)).collect();
        if !due || topics.is_empty() {
            return None;
        }
        state.looked = Some(Instant::now());
        drop(state);
        let question = self.question(consumer, topics);
        self.state().question = question;
        None
    }
}
