//! `catalog import`, `export`, `validate` and `refresh`. The result goes to standard output, progress to standard error. Scripts may rely on
//! the JSON keys.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use promissory::adapters::aws;
use promissory::adapters::clock::SystemClock;
use promissory::adapters::secrets::ShopifyApp;
use promissory::adapters::shopify::Shopify;
use promissory::catalog::{Catalog, ShopDomain};
use promissory::flows::{ImportError, import_catalog, request_refresh};
use promissory::ports::Clock;
use promissory::sheets::{ImportPlan, ProblemList, SheetProblems, Sheets, export};
use serde_json::json;

use super::shop::compare;
use super::{files, report, rows};
use crate::local_stack;
use crate::table::{Address, Table, is_loopback};

/// The commands on the catalog.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Import sheets: items, listings, locations, location_codes, system_items, tiers, bills, assemblies, work_centres (each a
    /// .csv).
    ///
    /// A line adds its row, or changes it cell by cell. An empty cell leaves a value as it is; a cell with - removes the value.
    /// Rows that no sheet names stay unchanged: leaving a row out deletes nothing. A column `remove` with yes removes a listing,
    /// a location's code, a system's item, an assembly, or a component of a bill of materials.
    ///
    /// If a sheet contains an error, the import writes nothing. A warning concerns what is legal and often a mistake, such as x-1
    /// beside X-1: the import writes it. An import that was stopped can be repeated: it writes the rows that are left. Each change of a bill or assembly is a new version that is in force from now on. Changing the unit of an
    /// item does not convert the quantities in the ledger. Levels follow a changed item or listing within seconds. After a change
    /// of a tier or location the reconciler recomputes every item, starting a minute later.
    ///
    /// Exit code: 0, also with warnings, or 1 if a sheet contains an error, or 2 if the import could not run.
    Import(ImportArgs),
    /// Write every sheet of a table into a directory. Importing these sheets again changes nothing.
    ///
    /// Exit code: 0, or 2 if the export could not run. It overwrites no file.
    Export(ExportArgs),
    /// Compare the listings with the variants of the shops, and list missing, deleted, duplicate, untracked, renamed and unlisted
    /// variants.
    ///
    /// Exit code: 0 if all match, 1 if there are findings, 2 if the validation could not run. It only reads.
    Validate(ValidateArgs),
    /// Request that every item is recomputed and planned again.
    ///
    /// For changes of the table that the stream never delivered: because nothing read it for more than a day, or because a table was
    /// restored. The reconciler does the work with its job `backlog`, starting a minute later. Recomputing what is correct changes
    /// nothing.
    ///
    /// Exit code: 0, or 2 if the refresh could not be requested.
    Refresh(RefreshArgs),
}

/// The arguments of `catalog import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Sheets, or directories with sheets. The file name identifies the sheet, e.g. items.csv.
    #[arg(value_name = "DIR_OR_FILE", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    table: Address,
    /// Show what would change, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object: dry_run, problems, problem_count, warnings, warning_count, tally, changes, rows_written.
    #[arg(long)]
    json: bool,
}

/// The arguments of `catalog export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The directory. It is created if it does not exist.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    table: Address,
}

/// The arguments of `catalog validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    table: Address,
    /// Validate only this shop. Default: every shop that a listing or a location names.
    #[arg(long, value_name = "DOMAIN")]
    shop: Option<ShopDomain>,
    /// The address of the shops, with {shop} in place of the domain. Default: SHOPIFY_URL, then the fake shop of the local stack
    /// if the table is on this machine, then https://{shop}.
    #[arg(long, value_name = "URL")]
    shopify: Option<String>,
    /// The secret of the Shopify app in Secrets Manager: the output ShopifySecretArn. Default: SECRET_ARN. A shop on this machine
    /// needs no secret.
    #[arg(long, value_name = "ARN")]
    secret: Option<String>,
    /// Print one JSON object: shops, each with shop, variants, listings, findings.
    #[arg(long)]
    json: bool,
}

/// The arguments of `catalog refresh`.
#[derive(Debug, Args)]
pub struct RefreshArgs {
    #[command(flatten)]
    table: Address,
    /// Print one JSON object: table, requested_at.
    #[arg(long)]
    json: bool,
}

/// Runs a command. `say` receives its progress and `print` its result.
///
/// # Errors
/// When the command cannot run. The error says what to do.
pub async fn run(command: Command, say: &dyn Fn(&str), print: &dyn Fn(&str)) -> io::Result<ExitCode> {
    match command {
        Command::Import(args) => {
            let files = files::read(&args.paths)?;
            let table = args.table.find(say).await?;
            let sheets = Sheets::read(&files);
            let outcome = import(&table, &SystemClock, &sheets, args.dry_run, say).await?;
            print(&if args.json { report::import_json(&outcome) } else { report::import_text(&outcome) });
            Ok(if outcome.plan.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Export(ExportArgs { directory, table }) => {
            let table = table.find(say).await?;
            let sheets = export(rows::read(&table).await?.catalog());
            files::write(&directory, &sheets)?;
            let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count().saturating_sub(1);
            let written: Vec<String> = sheets
                .iter()
                .map(|(sheet, bytes)| format!("{}: {} lines", directory.join(sheet.to_string()).display(), lines(bytes)))
                .collect();
            print(&written.join("\n"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Validate(args) => {
            let json = args.json;
            let validations = validate(args, say).await?;
            let fits = validations.iter().all(|validation| validation.findings.is_empty());
            print(&if json { json!({ "shops": validations }).to_string() } else { report::validation_text(&validations) });
            Ok(if fits { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Refresh(RefreshArgs { table, json }) => {
            let table = table.find(say).await?;
            let requested_at = refresh(&table, &SystemClock).await?;
            print(&if json {
                json!({ "table": table.name, "requested_at": requested_at }).to_string()
            } else {
                format!("The refresh of all items is requested ({requested_at}). The job `backlog` begins it a minute later.")
            });
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Requests that every item of a table is recomputed and planned again. Returns the time of the request.
///
/// # Errors
/// When the table cannot be read or written. The error says what to do.
pub async fn refresh<C: Clock>(table: &Table, clock: &C) -> io::Result<Timestamp> {
    let requested_at = clock.now();
    request_refresh(&table.store(), clock).await.map_err(|error| {
        io::Error::other(format!(
            "{table}: the refresh could not be requested: {error}\nRun the command again; the credentials need dynamodb:GetItem and \
             PutItem on the table."
        ))
    })?;
    Ok(requested_at)
}

/// The result of an import.
#[derive(Debug)]
pub struct Outcome {
    /// The import was a dry run, which writes nothing.
    pub dry_run: bool,
    /// The changes, or the errors in the sheets.
    pub plan: Result<ImportPlan, SheetProblems>,
    /// The number of rows that were written, also when a later write failed.
    pub rows_written: usize,
}

impl Outcome {
    /// What is legal in the sheets, and often a mistake.
    #[must_use]
    pub fn warnings(&self) -> &ProblemList {
        self.plan.as_ref().map_or_else(SheetProblems::warnings, |plan| &plan.warnings)
    }
}

/// Imports sheets into a table.
///
/// # Errors
/// When the table cannot be read or written. The error says what to do.
pub async fn import<C: Clock>(
    table: &Table,
    clock: &C,
    sheets: &Sheets,
    dry_run: bool,
    say: &dyn Fn(&str),
) -> io::Result<Outcome> {
    let mut stored = rows::read(table).await?;
    let plan = match ImportPlan::of(&stored, sheets, clock.now()) {
        Ok(plan) if !dry_run => plan,
        plan @ (Ok(_) | Err(_)) => return Ok(Outcome { dry_run, plan, rows_written: 0 }),
    };
    let progress = Progress { clock, say, reported_at: Cell::new(clock.now()), rows: Cell::new(0) };
    match import_catalog(&table.store(), clock, &mut stored, sheets, &|done, of| progress.report(done, of)).await {
        Ok(done) => Ok(Outcome { dry_run, plan: Ok(plan), rows_written: done.rows }),
        Err(ImportError::Problems(problems)) => {
            say("the catalog changed during this import; the sheets do not fit its new state:");
            Ok(Outcome { dry_run, plan: Err(problems), rows_written: progress.rows.get() })
        }
        Err(error @ (ImportError::Busy(_) | ImportError::Store(_))) => Err(io::Error::other(format!(
            "{table}: {error}\n{} of {} rows are written. Importing again writes what is left; the credentials need \
             dynamodb:Scan, PutItem and DeleteItem on the table.",
            progress.rows.get(),
            plan.rows()
        ))),
    }
}

/// Reports the number of written rows every few seconds.
struct Progress<'a, C> {
    clock: &'a C,
    say: &'a dyn Fn(&str),
    reported_at: Cell<Timestamp>,
    rows: Cell<usize>,
}

impl<C: Clock> Progress<'_, C> {
    const EVERY_SECONDS: i64 = 3;

    fn report(&self, done: usize, of: usize) {
        self.rows.set(done);
        let now = self.clock.now();
        if now.duration_since(self.reported_at.get()).as_secs() >= Self::EVERY_SECONDS {
            self.reported_at.set(now);
            (self.say)(&format!("{done} of {of} rows written"));
        }
    }
}

async fn validate(args: ValidateArgs, say: &dyn Fn(&str)) -> io::Result<Vec<super::shop::Validation>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let ValidateArgs { table, shop, shopify, secret, json: _ } = args;
    let table = table.find(say).await?;
    let url = shopify
        .or_else(|| variable("SHOPIFY_URL"))
        .unwrap_or_else(|| if table.is_here() { local_stack::shopify_url() } else { "https://{shop}".to_owned() });
    let app = app(&url, secret.or_else(|| variable("SECRET_ARN")), &variable).await?;
    let front = Shopify::new(url, app).map_err(io::Error::other)?;
    let stored = rows::read(&table).await?;
    let shops = shop.map_or_else(|| shops(stored.catalog()), |shop| vec![shop]);
    if shops.is_empty() {
        return Err(io::Error::other(
            "no listing and no location names a shop: name one with --shop, or import listings.csv first",
        ));
    }
    let mut validations = Vec::new();
    for shop in &shops {
        validations.push(compare(&front, &SystemClock, stored.catalog(), shop, say).await?);
    }
    Ok(validations)
}

/// Every shop that a listing or a location names.
fn shops(catalog: &Catalog) -> Vec<ShopDomain> {
    let listings = catalog.mappings.keys().map(|(shop, _)| (shop.clone(), ()));
    let locations = catalog.locations.values().flat_map(|location| location.shops.keys().map(|shop| (shop.clone(), ())));
    listings.chain(locations).collect::<BTreeMap<_, _>>().into_keys().collect()
}

/// The app that is installed in the shops at `url`: read from its secret, or the app of the local stack.
async fn app(url: &str, secret: Option<String>, variable: &dyn Fn(&str) -> Option<String>) -> io::Result<ShopifyApp> {
    let Some(secret) = secret else {
        if is_loopback(url) == Some(true) {
            return Ok(local_stack::shopify_app());
        }
        return Err(io::Error::other(
            "the Shopify app's secret is not named: set --secret to the stack's output ShopifySecretArn",
        ));
    };
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        if variable(name).is_none() {
            return Err(io::Error::other(format!("{name} is not set: set it, because reading the Shopify secret needs it")));
        }
    }
    let client = aws_sdk_secretsmanager::Client::new(&aws::config());
    ShopifyApp::read(&client, &secret).await.map_err(io::Error::other)
}
