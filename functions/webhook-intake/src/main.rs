//! The Lambda function of `POST /webhooks/shopify`.

use lambda_http::{Error, Request, service_fn};
use promissory::adapters::clock::SystemClock;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::adapters::secrets::ShopifyApp;
use promissory::adapters::{aws, env, log};
use promissory::flows::NetworkCache;
use webhook_intake::Intake;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let config = aws::config();
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let intake = Intake {
        store: DynamoStore::new(aws_sdk_dynamodb::Client::new(&config), env::required("TABLE_NAME")),
        clock: SystemClock,
        shop: env::parsed("SHOP_DOMAIN"),
        app: ShopifyApp::read(&secrets, &env::required("SECRET_ARN")).await?,
        network: NetworkCache::default(),
    };
    lambda_http::run(service_fn(async |request: Request| Ok::<_, Error>(intake.handle(request).await))).await
}
