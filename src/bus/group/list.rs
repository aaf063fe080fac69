//! Partitions as the library lists them, and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::TopicPartitionList;
use rdkafka::topic_partition_list::TopicPartitionListElem;

use crate::ports::Partition;

pub fn partitions_of(list: &TopicPartitionList) -> Vec<Partition> {
    let mut topics: BTreeMap<String, Arc<str>> = BTreeMap::new();
    let elements = list.elements();
    let partition = |element: &TopicPartitionListElem<'_>| {
        let topic = topics.entry(element.topic().to_owned()).or_insert_with(|| Arc::from(element.topic()));
        Partition { topic: Arc::clone(topic), number: element.partition() }
    };
    elements.iter().map(partition).collect()
}

pub fn list_of<'a>(partitions: impl Iterator<Item = &'a Partition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(&partition.topic, partition.number);
    }
    list
}
