//! The Lambda function of the hint queue.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use promissory::adapters::clock::SystemClock;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::adapters::secrets::ShopifyApp;
use promissory::adapters::shopify::Shopify;
use promissory::adapters::{aws, env, log};
use promissory::flows::NetworkCache;
use shopify_pusher::Pusher;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let config = aws::config();
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let app = ShopifyApp::read(&secrets, &env::required("SECRET_ARN")).await?;
    let pusher = Pusher {
        store: DynamoStore::new(aws_sdk_dynamodb::Client::new(&config), env::required("TABLE_NAME")),
        front: Shopify::new(env::required("SHOPIFY_URL"), app)?,
        clock: SystemClock,
        settling_window: Duration::from_secs(env::parsed("COMPARE_SETTLING_SECONDS")),
        network: NetworkCache::default(),
    };
    let handler = async |event: LambdaEvent<SqsEvent>| {
        let deadline = env::deadline(&event.context.deadline());
        Ok::<_, Error>(pusher.handle(event.payload, deadline).await)
    };
    lambda_runtime::run(service_fn(handler)).await
}
