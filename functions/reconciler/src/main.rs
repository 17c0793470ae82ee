//! The Lambda function of the schedules.

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use promissory::adapters::clock::SystemClock;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::adapters::eventbridge::EventBridgeBus;
use promissory::adapters::http_source::HttpSource;
use promissory::adapters::secrets::{Keyring, ShopifyApp};
use promissory::adapters::shopify::Shopify;
use promissory::adapters::sqs::SqsHints;
use promissory::adapters::{aws, env, log};
use promissory::flows::NetworkCache;
use promissory::order::HoldPolicy;
use reconciler::{Job, Reconciler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let config = aws::config();
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let app = ShopifyApp::read(&secrets, &env::required("SECRET_ARN")).await?;
    let reconciler = Reconciler {
        store: DynamoStore::new(aws_sdk_dynamodb::Client::new(&config), env::required("TABLE_NAME")),
        front: Shopify::new(env::required("SHOPIFY_URL"), app)?,
        bus: EventBridgeBus::new(aws_sdk_eventbridge::Client::new(&config), env::required("ORDER_BUS_NAME")),
        hints: SqsHints::new(aws_sdk_sqs::Client::new(&config), env::required("PUSH_QUEUE_URL")),
        sources: HttpSource::new(
            Keyring::kept(secrets, env::required("SOURCES_SECRET_ARN")),
            env::parsed("SOURCE_ADDRESS_SCOPE"),
        )?,
        clock: SystemClock,
        shop: env::parsed("SHOP_DOMAIN"),
        settling_window: Duration::from_secs(env::parsed("COMPARE_SETTLING_SECONDS")),
        holds: HoldPolicy {
            unpaid: env::hours("UNPAID_HOLD_HOURS"),
            unallocated: env::hours("UNALLOCATED_HOURS"),
            release_unallocated: env::parsed("RELEASE_UNALLOCATED"),
        },
        network: NetworkCache::default(),
    };
    let handler = async |event: LambdaEvent<Job>| {
        let deadline = env::deadline(&event.context.deadline());
        Ok::<_, Error>(reconciler.handle(event.payload, deadline).await?)
    };
    lambda_runtime::run(service_fn(handler)).await
}
