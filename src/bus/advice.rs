//! What an operator can do about what Kafka says.

use rdkafka::error::RDKafkaErrorCode as Code;

/// What to look at; nothing where the library's words say it all.
pub(super) fn advice(code: Option<Code>, reason: &str) -> Option<&'static str> {
    // a broker that wants a certificate takes the connection first and cuts it then
    let code = code?;
    let code = if code == Code::BrokerTransportFailure && reason.contains("SSL") { Code::SSL } else { code };
    Some(match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            "check sasl.mechanism, sasl.username and sasl.password (bus.properties, bus.secret_properties), or bus.oauth"
        }
        Code::SSL => {
            "check security.protocol and ssl.ca.location and, if the broker wants a certificate, \
             ssl.certificate.location and ssl.key.location (bus.properties)"
        }
        Code::Resolve => "check the names in bus.brokers",
        Code::BrokerTransportFailure | Code::AllBrokersDown => {
            "check that bus.brokers can be reached from here and that security.protocol (bus.properties) is the broker's"
        }
        Code::TopicAuthorizationFailed => "allow our user to read and to describe the topics of bus.topics",
        Code::GroupAuthorizationFailed => "allow our user to read the group bus.group",
        Code::UnknownTopicOrPartition | Code::UnknownTopic => "create the topic; it is read as soon as it exists",
        Code::FencedInstanceId | Code::UnreleasedInstanceId => {
            "another process has the same bus.instance; give each its own"
        }
        Code::InconsistentGroupProtocol => {
            "the other members of bus.group use another partition.assignment.strategy or group.protocol"
        }
        _ => return None,
    })
}
