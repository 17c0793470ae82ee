//! The Lambda function of the table's stream.

use ats_recompute::Recompute;
use aws_lambda_events::event::dynamodb::Event;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use promissory::adapters::clock::SystemClock;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::adapters::eventbridge::EventBridgeBus;
use promissory::adapters::sqs::SqsHints;
use promissory::adapters::{aws, env, log};
use promissory::flows::NetworkCache;

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
    };
    let handler = async |event: LambdaEvent<Event>| {
        let deadline = env::deadline(&event.context.deadline());
        Ok::<_, Error>(recompute.handle(event.payload, deadline).await)
    };
    lambda_runtime::run(service_fn(handler)).await
}
