//! Finds the table that a command works on, connects to it, and says what to do if it cannot be read.

use std::net::IpAddr;
use std::time::Duration;
use std::{fmt, io};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_types::SdkConfig;
use clap::Args;
use promissory::adapters::aws;
use promissory::adapters::dynamodb::DynamoStore;
use promissory::ports::StoreError;

use crate::local_stack;

/// The arguments that name the table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
pub struct Address {
    /// The table: the output TableName of the deployed stack. Default: the table of the local stack.
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// The address of DynamoDB. Default: AWS in AWS_REGION, with the credentials in the environment.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// A table, and the client that reaches it.
#[derive(Debug, Clone)]
pub struct Table {
    /// The client of DynamoDB.
    pub client: Client,
    /// The table's name.
    pub name: String,
    at: String,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the table {} at {}", self.name, self.at)
    }
}

impl Address {
    /// Finds the table from the arguments and the environment, and reports it to `say`.
    ///
    /// # Errors
    /// As [`Table::find`].
    pub async fn find(&self, say: &dyn Fn(&str)) -> io::Result<Table> {
        let table = Table::find(self, &|name| std::env::var(name).ok()).await?;
        say(&format!("Reading {table}."));
        Ok(table)
    }
}

impl Table {
    /// A table whose client and name the caller has.
    #[must_use]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into(), at: "the endpoint it was opened with".into() }
    }

    /// Finds the table. `variable` reads the environment. Without a name, it is the only table of an endpoint on this machine.
    /// Without an endpoint, the environment names it; otherwise it is the local stack if no table is named, and AWS if one is.
    ///
    /// # Errors
    /// When the address leads to no table. The error says what to do.
    pub async fn find(address: &Address, variable: &dyn Fn(&str) -> Option<String>) -> io::Result<Self> {
        let (config, at) = reach(address, variable)?;
        // A page of a scan is up to a megabyte, so the timeouts are longer than those of the functions.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(30))
            .operation_timeout(Duration::from_secs(120))
            .build();
        let retries = RetryConfig::standard().with_max_attempts(8).with_initial_backoff(Duration::from_millis(100));
        let client = Client::from_conf(Builder::from(&config).timeout_config(timeouts).retry_config(retries).build());
        let name = match &address.table {
            Some(name) => name.clone(),
            None => only_table(&client, &at).await?,
        };
        Ok(Self { client, name, at })
    }

    /// The store on this table.
    #[must_use]
    pub fn store(&self) -> DynamoStore {
        DynamoStore::new(self.client.clone(), &self.name)
    }

    /// A consistent scan of one of `segments` parts of the table.
    #[must_use]
    pub fn scan(&self, segment: i32, segments: i32) -> ScanFluentBuilder {
        self.client.scan().table_name(&self.name).consistent_read(true).segment(segment).total_segments(segments)
    }

    /// Whether the table is on this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        is_loopback(&self.at) == Some(true)
    }

    /// The error of a failed read, with advice.
    #[must_use]
    pub fn cannot(&self, error: &StoreError) -> io::Error {
        io::Error::other(format!("{self} cannot be read: {error}\n{}", advice(&error.to_string(), &self.at)))
    }

    /// The error of a failed scan, with advice.
    #[must_use]
    pub fn cannot_scan<E: ProvideErrorMetadata, R>(&self, error: &SdkError<E, R>) -> io::Error {
        self.cannot(&StoreError::Unavailable { detail: in_words("Scan", error), source: None })
    }
}

/// An error of the SDK in one line, with the operation that failed.
pub(crate) fn in_words<E: ProvideErrorMetadata, R>(operation: &str, error: &SdkError<E, R>) -> String {
    match (error.code(), error.message()) {
        (Some(code), message) => format!("{operation}: {code}: {}", message.unwrap_or_default()),
        (None, _) => format!("{operation}: no answer"),
    }
}

/// What to do about an error of DynamoDB at an endpoint or in a region.
fn advice(error: &str, at: &str) -> String {
    let is = |codes: &[&str]| codes.iter().any(|code| error.contains(code));
    if is(&["ResourceNotFoundException"]) {
        format!("There is no such table at {at}: check --table (the stack's output TableName) and AWS_REGION.")
    } else if is(&["AccessDenied", "UnrecognizedClient", "ExpiredToken", "InvalidSignature", "InvalidClientTokenId"]) {
        "Check the credentials in the environment: they need dynamodb:Scan, Query, GetItem and BatchGetItem on the table.".into()
    } else if is(&["Throttling", "ProvisionedThroughput", "RequestLimit", "throttled"]) {
        "The table is busy: try again later, or read more slowly with --segments 1.".into()
    } else {
        format!("Check that DynamoDB answers at {at}, then try again.")
    }
}

/// The SDK configuration for DynamoDB, and the address as people read it.
fn reach(address: &Address, variable: &dyn Fn(&str) -> Option<String>) -> io::Result<(SdkConfig, String)> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let endpoint = address
        .endpoint
        .clone()
        .or_else(|| set("AWS_ENDPOINT_URL_DYNAMODB"))
        .or_else(|| set("AWS_ENDPOINT_URL"))
        .or_else(|| address.table.is_none().then(local_stack::endpoint));
    if let Some(endpoint) = &endpoint {
        let is_here = is_loopback(endpoint)
            .ok_or_else(|| io::Error::other(format!("{endpoint} is not an endpoint: write it as http://host:port")))?;
        if is_here {
            return Ok((local_stack::sdk_config(endpoint.clone()), endpoint.clone()));
        }
        if address.table.is_none() {
            return Err(io::Error::other(format!(
                "no table is named: {endpoint} is not on this machine, so name one with --table"
            )));
        }
    }
    let missing = |name: &str| {
        io::Error::other(format!(
            "{name} is not set. AWS is reached with AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN \
             from the environment; `eval \"$(aws configure export-credentials --format env)\"` puts those of a profile there"
        ))
    };
    let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).ok_or_else(|| missing("AWS_REGION"))?;
    let credentials = Credentials::new(
        set("AWS_ACCESS_KEY_ID").ok_or_else(|| missing("AWS_ACCESS_KEY_ID"))?,
        set("AWS_SECRET_ACCESS_KEY").ok_or_else(|| missing("AWS_SECRET_ACCESS_KEY"))?,
        set("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let at = endpoint.clone().unwrap_or_else(|| format!("AWS, {region}"));
    Ok((aws::config_for(region, credentials, endpoint), at))
}

/// Whether an endpoint is on this machine; `None` if the text is not an HTTP address.
#[must_use]
pub fn is_loopback(endpoint: &str) -> Option<bool> {
    let url = reqwest::Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    Some(host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

async fn only_table(client: &Client, at: &str) -> io::Result<String> {
    let name_it = "name the table with --table, and set AWS_REGION and credentials in the environment";
    let tables = match Box::pin(client.list_tables().send()).await {
        Ok(answer) => answer.table_names.unwrap_or_default(),
        Err(error) => {
            return Err(io::Error::other(format!(
                "no table is named, and no local stack is found at {at} ({}).\n\
                 Either start one with `cargo x stack up`, or {name_it}.",
                in_words("ListTables", &error)
            )));
        }
    };
    match tables.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(io::Error::other(format!(
            "no table is named, and {at} has none: wait until `cargo x stack up` has deployed, or {name_it}."
        ))),
        several => Err(io::Error::other(format!("{at} has several tables: name one with --table: {}", several.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWS: [(&str, &str); 3] = [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];

    type Environment = &'static [(&'static str, &'static str)];

    /// The table and the endpoint in the arguments, the environment, and the expected address or error.
    type Case = (Option<&'static str>, Option<&'static str>, Environment, Result<&'static str, &'static str>);

    /// Protects against reading the wrong table, and against sending real credentials to another endpoint than AWS.
    #[test]
    fn an_address_leads_to_one_place_or_to_an_error() {
        let here = "http://127.0.0.1:4574";
        let rows: [Case; 13] = [
            (None, None, &[], Ok(here)),
            (None, None, &AWS, Ok(here)),
            (None, Some("http://localhost:9"), &AWS, Ok("http://localhost:9")),
            (None, Some("http://[::1]:9"), &[], Ok("http://[::1]:9")),
            (None, None, &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")], Ok("http://127.0.0.1:9")),
            (Some("t"), None, &AWS, Ok("AWS, eu-west-1")),
            (Some("t"), Some(here), &[], Ok(here)),
            (Some("t"), Some("https://10.0.0.1"), &AWS, Ok("https://10.0.0.1")),
            (Some("t"), None, &[], Err("AWS_REGION is not set")),
            (Some("t"), None, &[("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "")], Err("AWS_ACCESS_KEY_ID is not set")),
            (Some("t"), None, &AWS[..2], Err("AWS_SECRET_ACCESS_KEY is not set")),
            (None, Some("https://10.0.0.1"), &AWS, Err("no table is named")),
            (Some("t"), Some("localhost:9"), &AWS, Err("localhost:9 is not an endpoint")),
        ];
        for (table, endpoint, environment, expected) in rows {
            let address = Address { table: table.map(str::to_owned), endpoint: endpoint.map(str::to_owned) };
            let variable = |name: &str| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
            match (reach(&address, &variable), expected) {
                (Ok((config, at)), Ok(expected)) => {
                    assert_eq!(at, expected, "{address:?}");
                    let is_aws = at.starts_with("AWS");
                    assert_eq!(config.endpoint_url(), (!is_aws).then_some(expected), "{address:?}");
                }
                (Err(error), Err(expected)) => assert!(error.to_string().starts_with(expected), "{address:?}: {error}"),
                (found, _) => panic!("{address:?}: {expected:?}, not {found:?}"),
            }
        }
    }

    /// Protects the operator: an error of DynamoDB comes with advice for its cause.
    #[test]
    fn an_error_says_what_to_do() {
        for (error, expected) in [
            ("Scan: ResourceNotFoundException: gone", "check --table"),
            ("Query: AccessDeniedException: no", "dynamodb:Scan"),
            ("Scan: ExpiredTokenException: old", "credentials"),
            ("Scan: ProvisionedThroughputExceededException: slow", "--segments 1"),
            ("Scan: no answer", "answers at AWS, eu-west-1"),
        ] {
            let advice = advice(error, "AWS, eu-west-1");
            assert!(advice.contains(expected), "{error}: {advice}");
        }
    }
}
