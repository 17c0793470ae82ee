//! The Lambda function of `POST /sources/{system}/events` and of the bus.

use lambda_http::request::LambdaRequest;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use promissory::adapters::clock::SystemClock;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::adapters::secrets::Keyring;
use promissory::adapters::{aws, env, log};
use promissory::flows::{HeartbeatRecorder, NetworkCache};
use serde_json::{Value, json};
use source_intake::{Intake, as_lambda_answers};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::init();
    let config = aws::config();
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let intake = Intake {
        store: DynamoStore::new(aws_sdk_dynamodb::Client::new(&config), env::required("TABLE_NAME")),
        clock: SystemClock,
        keys: Keyring::kept(secrets, env::required("SOURCES_SECRET_ARN")),
        network: NetworkCache::default(),
        heartbeats: HeartbeatRecorder::default(),
    };
    let handler = async |event: LambdaEvent<Value>| {
        if event.payload.get("detail-type").is_some() {
            intake.take_from_bus(&event.payload).await?;
            return Ok::<_, Error>(json!({}));
        }
        let request: LambdaRequest = serde_json::from_value(event.payload)?;
        as_lambda_answers(&intake.handle(request.into()).await)
    };
    lambda_runtime::run(service_fn(handler)).await
}
