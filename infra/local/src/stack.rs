//! The local stack: emulated AWS as a child process, the real template deployed into it, and a fake Shopify that it serves.
//!
//! The emulator checks every call against the caller's role, so a permission that the template lacks fails here first and not on
//! AWS.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aws_types::SdkConfig;
use clap::Args;
use jiff::Timestamp;
use promissory::adapters::dynamodb::DynamoStore;
use promissory_cli::local_stack;
use promissory_fakes::shopify::{Server, ServerConfig, ShopConfig};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::invoke::invoke;
use crate::seed::go_live;

/// The arguments of the local stack.
#[derive(Debug, Clone, Args)]
pub struct StackConfig {
    /// The root directory of the repository.
    #[arg(long, default_value = ".")]
    pub root: PathBuf,
    /// The Python that has infra/local/requirements.txt installed.
    #[arg(long, default_value = ".local/bin/python")]
    pub python: PathBuf,
    /// The directory of the function binaries.
    #[arg(long, default_value = "target/stack")]
    pub binaries: PathBuf,
    /// The level of the functions' logs.
    #[arg(long, default_value = "warn")]
    pub log_level: String,
}

/// The outputs of the deployed stack.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Outputs {
    /// The address for webhooks.
    pub webhook_url: String,
    /// The table.
    pub table_name: String,
    /// The queue of hints.
    pub push_queue_url: String,
    /// The dead-letter queue of hints.
    pub push_dead_letters_url: String,
    /// The queue of messages about stream records that failed too often.
    pub stream_failures_url: String,
    /// The function of the scheduled jobs.
    pub reconciler_name: String,
    /// The address for events of other systems, with `{system}` in place of the system's name.
    pub sources_url: String,
    /// The secret with which those systems sign.
    pub sources_secret_arn: String,
    /// The dead-letter queue of events from the bus.
    pub source_failures_url: String,
    /// The event bus.
    pub bus_name: String,
}

/// A running stack. It stops when this handle is dropped.
#[derive(Debug)]
pub struct Stack {
    emulator: Child,
    config: SdkConfig,
    deployment: Deployment,
    /// The emulator's address.
    pub endpoint: String,
    /// The outputs of the deployed stack.
    pub outputs: Outputs,
}

/// What is deployed, without the outputs that it gets.
#[derive(Debug)]
struct Deployment {
    stack: StackConfig,
    parameters: Vec<String>,
    shopify_secret: String,
}

/// Seconds for which a failed hint stays hidden. A short time, so that a retry happens during a demo.
const PUSH_VISIBILITY_SECONDS: u32 = 3;

/// The longest time that the emulator may take to start.
const READY_WITHIN: Duration = Duration::from_secs(30);

impl Deployment {
    fn new(config: &StackConfig, shop: &str, shopify_url: &str, shopify_secret: &Value) -> Self {
        let parameters = vec![
            format!("ShopDomain={shop}"),
            format!("ShopifyUrl={shopify_url}"),
            "Architecture=x86_64".to_owned(),
            "CompareSettlingSeconds=1".to_owned(),
            format!("PushVisibilitySeconds={PUSH_VISIBILITY_SECONDS}"),
            format!("LogLevel={}", config.log_level),
            // The fakes of other systems are on this machine.
            "SourceAddressScope=loopback".to_owned(),
            "ProtectTable=false".to_owned(),
        ];
        Self { stack: config.clone(), parameters, shopify_secret: shopify_secret.to_string() }
    }
}

impl Stack {
    /// Starts a fake Shopify and the emulator, and deploys the template for the shop. `port` is the emulator's port; 0 for any.
    ///
    /// # Errors
    /// When the fake Shopify or the emulator does not start, or the template does not deploy. Their output is on standard error.
    pub async fn up(config: &StackConfig, port: u16, shopify: ServerConfig) -> io::Result<(Self, Server)> {
        let (shop, client_id) = (shopify.shop.domain.clone(), shopify.client_id.clone());
        let client_secret = shopify.shop.secret.clone();
        let server = Server::start(shopify).await?;
        let port = if port == 0 { free_port()? } else { port };
        let endpoint = format!("http://127.0.0.1:{port}");
        let emulator = Command::new(&config.python)
            .arg(config.root.join("infra/local/emulator.py"))
            .env("EMULATOR_PORT", port.to_string())
            .env("EMULATOR_AUTH", "true")
            .env("EMULATOR_PASS", "RUST_BACKTRACE")
            .env("EMULATOR_LOG_LEVEL", std::env::var("EMULATOR_LOG_LEVEL").unwrap_or_else(|_| "ERROR".into()))
            .stdin(Stdio::null())
            .stdout(Stdio::from(io::stderr()))
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{} cannot be started: {error}", config.python.display())))?;
        let sdk = local_stack::sdk_config(endpoint.clone());
        let deployment =
            Deployment::new(config, &shop, server.url(), &json!({ "client_id": client_id, "client_secret": client_secret }));
        let mut stack = Self { emulator, config: sdk, deployment, endpoint, outputs: Outputs::none() };
        stack.wait_until_ready().await?;
        stack.redeploy(&[]).await?;
        Ok((stack, server))
    }

    async fn wait_until_ready(&mut self) -> io::Result<()> {
        let url = format!("{}/_ministack/health", self.endpoint);
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(1)).build().map_err(io::Error::other)?;
        let ready = async {
            loop {
                if let Some(status) = self.emulator.try_wait()? {
                    return Err(io::Error::other(format!(
                        "the emulator ended during its start with {status}: its output is above"
                    )));
                }
                if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, ready)
            .await
            .map_err(|_| io::Error::other("the emulator did not start within 30 s: its output is above"))?
    }

    /// Deploys the template, or deploys it again with further parameters.
    ///
    /// # Errors
    /// When the template does not deploy. The output of the deployment is on standard error.
    pub async fn redeploy(&mut self, more: &[(&str, &str)]) -> io::Result<()> {
        let Deployment { stack: config, parameters, shopify_secret } = &self.deployment;
        let parameters = parameters.iter().cloned().chain(more.iter().map(|(name, value)| format!("{name}={value}")));
        let parameters: Vec<String> = parameters.collect();
        let output = Command::new(&config.python)
            .arg(config.root.join("infra/local/deploy.py"))
            .args(["--endpoint", &self.endpoint, "--binaries"])
            .arg(&config.binaries)
            .args(parameters.iter().flat_map(|parameter| ["--parameter", parameter]))
            .args(["--secret-string", shopify_secret])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()? // `output()` would also capture the progress on standard error.
            .wait_with_output()
            .await?;
        if !output.status.success() {
            return Err(io::Error::other("the template did not deploy: the output of deploy.py is above"));
        }
        self.outputs = serde_json::from_slice(&output.stdout).map_err(io::Error::other)?;
        Ok(())
    }

    /// The table.
    #[must_use]
    pub fn store(&self) -> DynamoStore {
        DynamoStore::new(self.dynamodb(), &self.outputs.table_name)
    }

    /// DynamoDB itself, for reading the whole table.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// The number of messages in a queue of the stack.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn waiting(&self, queue_url: &str) -> io::Result<u64> {
        use aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
        let client = aws_sdk_sqs::Client::new(&self.config);
        let request = client.get_queue_attributes().queue_url(queue_url).attribute_names(ApproximateNumberOfMessages.clone());
        let answer = request.send().await.map_err(io::Error::other)?;
        let count = answer.attributes().and_then(|attributes| attributes.get(&ApproximateNumberOfMessages));
        count
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| io::Error::other("SQS did not return ApproximateNumberOfMessages"))
    }

    /// Writes the secret of the other systems. Functions read it when they start.
    ///
    /// # Errors
    /// When the secret cannot be written.
    pub async fn put_sources_secret(&self, text: &str) -> io::Result<()> {
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        let put = client.put_secret_value().secret_id(&self.outputs.sources_secret_arn).secret_string(text);
        put.send().await.map(drop).map_err(io::Error::other)
    }

    /// Puts an event on the bus.
    ///
    /// # Errors
    /// When the bus refuses the event.
    pub async fn put_on_bus(&self, source: &str, detail_type: &str, detail: &str) -> io::Result<()> {
        let client = aws_sdk_eventbridge::Client::new(&self.config);
        let entry = aws_sdk_eventbridge::types::PutEventsRequestEntry::builder()
            .event_bus_name(&self.outputs.bus_name)
            .source(source)
            .detail_type(detail_type)
            .detail(detail)
            .build();
        let answer = client.put_events().entries(entry).send().await.map_err(io::Error::other)?;
        if answer.failed_entry_count() == 0 { Ok(()) } else { Err(io::Error::other("the bus refused an event")) }
    }

    /// Runs one job of the reconciler now, as its schedule does, and returns its report. It repeats a failed invocation, because
    /// a demo may kill its process, and the next scheduled run would do the same work.
    ///
    /// # Errors
    /// When the job fails three times in a row.
    pub async fn reconcile(&self, job: &str) -> io::Result<Value> {
        let mut failure = String::new();
        for _ in 0..3 {
            match invoke(&self.endpoint, &self.outputs.reconciler_name, json!({ "job": job }).to_string()).await {
                Ok(report) => return serde_json::from_str(&report).map_err(io::Error::other),
                Err(error) => failure = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Err(io::Error::other(format!("the job {job} failed: {failure}")))
    }

    /// The processes that run functions now: the function's name and the process id.
    #[must_use]
    pub fn function_processes(&self) -> Vec<(String, u32)> {
        let Some(emulator) = self.emulator.id() else { return Vec::new() };
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| parent_of(*pid) == Some(emulator)).filter_map(|pid| Some((function_of(pid)?, pid))).collect()
    }
}

/// Starts the stack on the ports that the command line uses, and runs it until Ctrl-C.
///
/// # Errors
/// As [`Stack::up`].
pub async fn up_until_interrupted(config: &StackConfig, port: u16, shopify_port: u16, say: &dyn Fn(&str)) -> io::Result<()> {
    let shopify = shopify(shopify_port, ShopConfig::default());
    let shop = shopify.shop.domain.parse().map_err(io::Error::other)?;
    let (stack, server) = Stack::up(config, port, shopify).await?;
    go_live(&stack.store(), &shop, Timestamp::now()).await.map_err(io::Error::other)?;
    server.set_webhook_url(&stack.outputs.webhook_url);
    say(&format!(
        "AWS          {}\nShopify      {} (control: {}/_control/state)\nwebhooks     {}\ntable        {}\n\
         Ctrl-C stops the stack; all its state is in memory.",
        stack.endpoint,
        server.url(),
        server.url(),
        stack.outputs.webhook_url,
        stack.outputs.table_name
    ));
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(())
}

/// A fake Shopify at `port` (0 for any), with the app whose credentials the command line uses.
fn shopify(port: u16, shop: ShopConfig) -> ServerConfig {
    let shop = ShopConfig { secret: local_stack::SHOPIFY_CLIENT_SECRET.into(), ..shop };
    ServerConfig { port, shop, client_id: local_stack::SHOPIFY_CLIENT_ID.into(), ..ServerConfig::default() }
}

/// A shop on the Plus plan, with a cost budget of 1,000 points per second, that sends up to 16 webhooks at once.
#[must_use]
pub fn busy_shopify(seed: u64) -> ServerConfig {
    let shop = ShopConfig { bucket_size: 20_000, restore_rate: 1_000, seed, ..ShopConfig::default() };
    ServerConfig { concurrency: 16, ..shopify(0, shop) }
}

impl Outputs {
    fn none() -> Self {
        let none = String::new;
        Self {
            webhook_url: none(),
            table_name: none(),
            push_queue_url: none(),
            push_dead_letters_url: none(),
            stream_failures_url: none(),
            reconciler_name: none(),
            sources_url: none(),
            sources_secret_arn: none(),
            source_failures_url: none(),
            bus_name: none(),
        }
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn parent_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn function_of(pid: u32) -> Option<String> {
    let environ = std::fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).ok()?;
    let name = environ.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(b"AWS_LAMBDA_FUNCTION_NAME="))?;
    String::from_utf8(name.to_vec()).ok()
}
