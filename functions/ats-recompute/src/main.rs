//! The Lambda function of the table's stream, and of the queue of batches that the stream has given up.

use ats_recompute::{DynamoStreams, Invocation, Recompute};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use promissory::adapters::clock::SystemClock;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::adapters::eventbridge::EventBridgeBus;
use promissory::adapters::sqs::SqsHints;
use promissory::adapters::{aws, env, log};
use promissory::flows::NetworkCache;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let config = aws::config();
    let recompute = Recompute {
        store: DynamoStore::new(aws_sdk_dynamodb::Client::new(&config), env::required("TABLE_NAME")),
        hints: SqsHints::new(aws_sdk_sqs::Client::new(&config), env::required("PUSH_QUEUE_URL")),
        bus: EventBridgeBus::new(aws_sdk_eventbridge::Client::new(&config), env::required("BUS_NAME")),
        clock: SystemClock,
        network: NetworkCache::default(),
        stream: DynamoStreams::new(aws_sdk_dynamodbstreams::Client::new(&config)),
    };
    let handler = async |event: LambdaEvent<Value>| {
        let deadline = env::deadline(&event.context.deadline());
        let response = match Invocation::parse(event.payload)? {
            Invocation::Stream(event) => serde_json::to_value(recompute.handle(event, deadline).await)?,
            Invocation::GivenUp(event) => serde_json::to_value(recompute.redo(event, deadline).await)?,
        };
        Ok::<_, Error>(response)
    };
    lambda_runtime::run(service_fn(handler)).await
}
