//! The local stack from the command line. `cargo x stack`, `cargo x demo`, `cargo x ledger` and `cargo x catalog` prepare what it needs and
//! call it.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use promissory_local::catalogue::command as catalogue;
use promissory_local::connector::command as connector;
use promissory_local::demo::sources::{self, SourcesConfig};
use promissory_local::demo::{DemoConfig, Report, plan, play};
use promissory_local::explain::command as explain;
use promissory_local::ledger::command as ledger;
use promissory_local::shopify::{Server, ServerConfig, ShopConfig};
use promissory_local::stack::{self, Stack, StackConfig};

#[derive(Parser)]
#[command(about = "The whole system on one machine: emulated AWS, a fake Shopify, and a flash sale on them.")]
struct Cli {
    #[command(flatten)]
    stack: StackArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct StackArgs {
    /// The repository.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// The Python that has infra/local/requirements.txt installed.
    #[arg(long, default_value = ".local/bin/python")]
    python: PathBuf,
    /// The directory of the function binaries.
    #[arg(long, default_value = "target/stack")]
    binaries: PathBuf,
    /// The level of the functions' logs.
    #[arg(long, default_value = "warn")]
    log_level: String,
}

#[derive(Subcommand)]
enum Command {
    /// Import, export and validate what is sold: items, listings, locations, bills. Of the local stack, or of a table on AWS.
    #[command(subcommand)]
    Catalog(catalogue::Command),
    /// Play the flash sale and audit what came out, or, as `demo sources`, a morning of four other systems. Ends with 1 if
    /// anything was lost, doubled or oversold.
    Demo(DemoArgs),
    /// Say why the numbers of an item are what they are, down to movements, papers and bills; now, or at a time.
    ///
    /// Ends with 0, with 1 when something does not add up or a promise breaks, with 2 when the table cannot be read or does not
    /// hold what is asked for. It only reads.
    Explain(explain::ExplainArgs),
    /// Read the ledger: check all of it, or see one position again. Of the local stack, or of a table on AWS.
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Connectors: write their configuration, see how far they are, pull one now, or feed a file of events.
    #[command(subcommand)]
    Source(connector::Command),
    /// Bring the stack up and keep it until Ctrl-C.
    Up {
        /// The port of the emulated AWS.
        #[arg(long, default_value_t = stack::PORT)]
        port: u16,
        /// The port of the fake Shopify.
        #[arg(long, default_value_t = stack::SHOPIFY_PORT)]
        shopify_port: u16,
    },
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct DemoArgs {
    #[command(subcommand)]
    scene: Option<Scene>,
    /// Customers who try to order.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    orders: u32,
    /// Units of the serum there are.
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(i64).range(0..=1_000_000))]
    units: i64,
    /// Decides everything that varies.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Over how many seconds the customers come.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Kill function processes while it plays.
    #[arg(long)]
    chaos: bool,
    /// End with one line of JSON instead of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Scene {
    /// Play a morning of an ERP, a WMS, tills and a 3PL beside the shop: events twice, late, wrong and unmapped, and a
    /// connector that is down for half of it. Ends with 1 unless every event is in the ledger once and the shop shows it.
    Sources(SourcesArgs),
}

#[derive(Args)]
struct SourcesArgs {
    /// Events a minute, of all systems together.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    events_per_minute: u32,
    /// How many minutes.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    minutes: u32,
    /// Decides everything that varies.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Kill function processes while it plays.
    #[arg(long)]
    chaos: bool,
    /// End with one line of JSON.
    #[arg(long)]
    json: bool,
}

const SECRET: &str = "shpss_local";

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Catalog(command) => catalogue::run(command, &say, &print).await,
        Command::Demo(DemoArgs { scene: Some(Scene::Sources(args)), .. }) => morning(cli.stack, args).await,
        Command::Demo(args) => demo(cli.stack, args).await,
        Command::Explain(args) => explain::run(args, &say, &print).await,
        Command::Ledger(command) => ledger::run(command, &say, &print).await,
        Command::Source(command) => connector::run(command, &say, &print).await,
        Command::Up { port, shopify_port } => up(cli.stack, port, shopify_port).await,
    };
    outcome.unwrap_or_else(|error| {
        say(&format!("failed: {error}"));
        ExitCode::from(2)
    })
}

async fn start(args: &StackArgs, port: u16, shopify: ServerConfig) -> io::Result<(Stack, Server)> {
    let (domain, client_id) = (shopify.shop.domain.clone(), shopify.client_id.clone());
    let server = Server::start(shopify).await?;
    let config = StackConfig {
        root: args.root.clone(),
        python: args.python.clone(),
        binaries: args.binaries.clone(),
        port,
        push_visibility_seconds: 3,
        log_level: args.log_level.clone(),
    };
    let stack = Stack::up(&config, &domain, server.url(), &client_id, SECRET).await?;
    Ok((stack, server))
}

async fn demo(stack: StackArgs, args: DemoArgs) -> io::Result<ExitCode> {
    let config = DemoConfig { orders: args.orders, units: args.units, seed: args.seed, seconds: args.seconds, chaos: args.chaos };
    let (stack, server) = start(&stack, 0, busy_shop(args.seed)).await?;
    let played = play(&config, &plan(&config), &stack, &server, &say).await?;
    let report = Report::of(&config, &played, &stack, &server).await?;
    say(&format!("\n{}", report.table()));
    if args.json {
        print(&serde_json::to_string(&report).map_err(io::Error::other)?);
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn morning(stack: StackArgs, args: SourcesArgs) -> io::Result<ExitCode> {
    let SourcesArgs { events_per_minute, minutes, seed, chaos, json } = args;
    let config = SourcesConfig { events_per_minute, minutes, seed, chaos };
    let (stack, server) = start(&stack, 0, busy_shop(seed)).await?;
    let script = sources::script(&config);
    let played = sources::play(&config, &script, &stack, &server, &say).await?;
    let report = sources::Report::of(&config, &script, &played, &stack, &server).await?;
    say(&format!("\n{}", report.table()));
    if json {
        print(&serde_json::to_string(&report).map_err(io::Error::other)?);
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A shop on the Plus plan, with 1,000 points per second, that sends many webhooks at once.
fn busy_shop(seed: u64) -> ServerConfig {
    let shop = ShopConfig { secret: SECRET.into(), bucket_size: 20_000, restore_rate: 1_000, seed, ..ShopConfig::default() };
    ServerConfig { shop, concurrency: 16, ..ServerConfig::default() }
}

async fn up(args: StackArgs, port: u16, shopify_port: u16) -> io::Result<ExitCode> {
    let shop = ShopConfig { secret: SECRET.into(), ..ShopConfig::default() };
    let (stack, server) = start(&args, port, ServerConfig { port: shopify_port, shop, ..ServerConfig::default() }).await?;
    server.set_webhook_url(&stack.outputs.webhook_url);
    say(&format!(
        "AWS          {}\nShopify      {} (control: {}/_control/state)\nwebhooks     {}\ntable        {}\nCtrl-C ends it; all state is in memory.",
        stack.endpoint,
        server.url(),
        server.url(),
        stack.outputs.webhook_url,
        stack.outputs.table_name
    ));
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Progress, for people.
#[expect(clippy::print_stderr, reason = "progress of a command belongs on standard error")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// The result, for scripts.
#[expect(clippy::print_stdout, reason = "the result of a command belongs on standard output")]
fn print(text: &str) {
    println!("{text}");
}
