//! Which topic bears a name. One that is deleted and made again has the name of the old one, and
//! other records at the same offsets: to read on there would pass over what is new.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as library;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::{RDKafka, RDKafkaRespErr};

/// Topics by name, each with a number that no other topic has. Without an entry, the broker does
/// not number its topics (before Apache Kafka 2.8).
pub type Identities = BTreeMap<Arc<str>, i64>;

/// What a question came to.
pub(super) type Told = Result<Identities, RDKafkaErrorCode>;

/// A question on its way. The library answers it within the deadline that it was given.
pub(super) struct Question {
    queue: NonNull<library::rd_kafka_queue_t>,
    topics: Vec<Arc<str>>,
}

// SAFETY: the library's queues may be used by any thread; nothing else is held
unsafe impl Send for Question {}

impl Question {
    /// Asks a broker about these topics. Left to itself, the library asks the controller, which the
    /// embedded broker does not name rightly.
    pub fn ask<C: ClientContext>(
        client: &Client<C>,
        broker: i32,
        topics: Vec<Arc<str>>,
        within: Duration,
    ) -> Option<Self> {
        let names: Vec<CString> = topics.iter().filter_map(|topic| CString::new(&**topic).ok()).collect();
        let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let handle: *mut RDKafka = client.native_ptr();
        let millis = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the client is alive; the library copies the names and the options, and keeps a
        // hold on the queue of its own until it has answered
        unsafe {
            let queue = NonNull::new(library::rd_kafka_queue_new(handle))?;
            let operation = library::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
            let options = library::rd_kafka_AdminOptions_new(handle, operation);
            library::rd_kafka_AdminOptions_set_request_timeout(options, millis, null_mut(), 0);
            library::rd_kafka_AdminOptions_set_broker(options, broker, null_mut(), 0);
            let collection = library::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            library::rd_kafka_DescribeTopics(handle, collection, options, queue.as_ptr());
            library::rd_kafka_TopicCollection_destroy(collection);
            library::rd_kafka_AdminOptions_destroy(options);
            Some(Self { queue, topics })
        }
    }

    /// The answer, if it comes within `limit`.
    pub fn answer(&self, limit: Duration) -> Option<Told> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let millis = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
            // SAFETY: the queue lives as long as we do, and the event until it is destroyed
            let told = unsafe {
                let event = library::rd_kafka_queue_poll(self.queue.as_ptr(), millis);
                let told = self.read(event);
                if !event.is_null() {
                    library::rd_kafka_event_destroy(event);
                }
                told
            };
            if told.is_some() || left.is_zero() {
                return told;
            }
        }
    }

    /// SAFETY: `event` is null or alive; null is no answer.
    unsafe fn read(&self, event: *mut library::rd_kafka_event_t) -> Option<Told> {
        // SAFETY: what the library hands out of the event lives as long as the event
        unsafe {
            let result = library::rd_kafka_event_DescribeTopics_result(event);
            if event.is_null() || result.is_null() {
                return None;
            }
            let failure = library::rd_kafka_event_error(event);
            if failure != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Some(Err(failure.into()));
            }
            let mut count = 0;
            let described = library::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
            let mut identities = Identities::new();
            for at in 0..count {
                let topic = *described.add(at);
                let failure = library::rd_kafka_error_code(library::rd_kafka_TopicDescription_error(topic));
                if failure != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return Some(Err(failure.into()));
                }
                let name = CStr::from_ptr(library::rd_kafka_TopicDescription_name(topic));
                let id = library::rd_kafka_TopicDescription_topic_id(topic);
                let high = library::rd_kafka_Uuid_most_significant_bits(id);
                let low = library::rd_kafka_Uuid_least_significant_bits(id);
                let known = self.topics.iter().find(|topic| topic.as_bytes() == name.to_bytes());
                if let Some(known) = known.filter(|_| (high, low) != (0, 0)) {
                    // what is left of chance is enough to tell one from another
                    identities.insert(Arc::clone(known), (high ^ low) & i64::MAX);
                }
            }
            Some(Ok(identities))
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        // SAFETY: ours since it was made, and not used after this
        unsafe { library::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}
