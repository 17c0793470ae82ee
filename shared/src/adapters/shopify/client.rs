//! One GraphQL call: its access token, its cost budget, and the classification of failures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value, json};

use crate::adapters::clock::SystemClock;
use crate::adapters::secrets::ShopifyApp;
use crate::adapters::shopify::transport::{Http, Response, Transport};
use crate::catalog::ShopDomain;
use crate::ports::Clock;
use crate::storefront::{CostBudget, MUTATION_COST, StorefrontError};

/// The version of the Admin API that every operation here is written for and checked against.
pub const API_VERSION: &str = "2026-10";

/// A token is renewed this long before it expires.
const TOKEN_MARGIN: Duration = Duration::from_secs(300);

/// Shops on Shopify, through one app.
#[derive(Debug)]
pub struct Shopify<T = Http, C = SystemClock> {
    transport: T,
    clock: C,
    /// The base address, with `{shop}` for the shop's domain.
    url: String,
    app: ShopifyApp,
    tokens: Mutex<HashMap<ShopDomain, Token>>,
    budgets: Mutex<HashMap<ShopDomain, CostBudget>>,
    /// The requested cost of each operation, as the shop last reported it.
    costs: Mutex<HashMap<&'static str, u64>>,
}

#[derive(Debug, Clone)]
struct Token {
    value: Arc<SecretString>,
    valid_until: Timestamp,
}

#[derive(Deserialize)]
struct Grant {
    access_token: SecretString,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
struct Reply<T> {
    data: Option<T>,
    #[serde(default)]
    errors: Value,
    extensions: Option<Extensions>,
}

#[derive(Deserialize)]
struct Extensions {
    cost: Option<Cost>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    #[serde(rename = "requestedQueryCost")]
    requested: Number,
    throttle_status: Option<ThrottleStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThrottleStatus {
    maximum_available: Number,
    currently_available: Number,
    restore_rate: Number,
}

impl Shopify {
    /// The shops that `app` is installed in, at `url` (`https://{shop}`, or the address of a fake).
    ///
    /// # Errors
    /// When the TLS stack cannot be set up.
    pub fn new(url: impl Into<String>, app: ShopifyApp) -> Result<Self, StorefrontError> {
        Ok(Self::over(Http::new()?, SystemClock, url, app))
    }
}

impl<T: Transport, C: Clock> Shopify<T, C> {
    /// The shops that `app` is installed in, over another transport and clock.
    pub fn over(transport: T, clock: C, url: impl Into<String>, app: ShopifyApp) -> Self {
        let (tokens, budgets, costs) = Default::default();
        Self { transport, clock, url: url.into(), app, tokens, budgets, costs }
    }

    /// Sends one operation and reads its data.
    pub(super) async fn call<D: DeserializeOwned>(
        &self,
        shop: &ShopDomain,
        operation: &'static str,
        variables: Value,
    ) -> Result<D, StorefrontError> {
        Ok(self.call_and_time(shop, operation, variables).await?.0)
    }

    /// Sends one operation and reads its data, and when the shop answered by its own clock.
    pub(super) async fn call_and_time<D: DeserializeOwned>(
        &self,
        shop: &ShopDomain,
        operation: &'static str,
        variables: Value,
    ) -> Result<(D, Timestamp), StorefrontError> {
        let cost = lock(&self.costs).get(operation).copied().unwrap_or(MUTATION_COST);
        self.reserve(shop, cost)?;
        let body = json!({ "query": operation, "variables": variables });
        let mut response = self.post(shop, &body).await?;
        if response.status == StatusCode::UNAUTHORIZED {
            // The token was revoked or rotated early: fetch a new one and try once more.
            lock(&self.tokens).remove(shop);
            response = self.post(shop, &body).await?;
        }
        let status = response.status;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(StorefrontError::Unavailable { detail: format!("HTTP {status}"), source: None });
        }
        if !status.is_success() {
            return Err(StorefrontError::Rejected {
                detail: format!("HTTP {status} from {shop}: check the app's scopes and secret"),
            });
        }
        let answered_at = response.answered_at.unwrap_or_else(|| self.clock.now());
        let reply: Reply<D> = response.json()?;
        let requested = self.note_cost(shop, operation, reply.extensions.and_then(|extensions| extensions.cost));
        if let Some(error) = reply.errors.as_array().and_then(|errors| errors.first()) {
            return Err(self.failure(shop, error, requested.unwrap_or(cost), reply.data.is_some()));
        }
        let data =
            reply.data.ok_or_else(|| StorefrontError::Unavailable { detail: "the answer has no data".into(), source: None })?;
        Ok((data, answered_at))
    }

    /// Classifies an error of the whole request. When the answer also has data, the operation had begun, so what ran is
    /// unknown.
    fn failure(&self, shop: &ShopDomain, error: &Value, cost: u64, executed: bool) -> StorefrontError {
        let detail = error["message"].to_string();
        match error["extensions"]["code"].as_str() {
            Some("THROTTLED") => {
                let wait = lock(&self.budgets).get(shop).map_or(Duration::ZERO, |budget| budget.wait_for(cost, self.clock.now()));
                StorefrontError::Throttled { wait: wait.max(Duration::from_millis(100)) }
            }
            Some("ACCESS_DENIED") => StorefrontError::Rejected { detail },
            Some("INTERNAL_SERVER_ERROR" | "TIMEOUT") => StorefrontError::Unavailable { detail, source: None },
            Some(_) | None if executed => StorefrontError::Unavailable { detail, source: None },
            Some(_) | None => StorefrontError::Invalid { detail },
        }
    }

    /// Takes `cost` points from the budget as it was last seen, or returns how long to wait for them.
    fn reserve(&self, shop: &ShopDomain, cost: u64) -> Result<(), StorefrontError> {
        let now = self.clock.now();
        if let Some(budget) = lock(&self.budgets).get_mut(shop) {
            let wait = budget.wait_for(cost, now);
            if !wait.is_zero() {
                return Err(StorefrontError::Throttled { wait });
            }
            *budget = budget.spend(cost, now);
        }
        Ok(())
    }

    fn note_cost(&self, shop: &ShopDomain, operation: &'static str, cost: Option<Cost>) -> Option<u64> {
        let cost = cost?;
        let requested = points(&cost.requested);
        lock(&self.costs).insert(operation, requested);
        if let Some(status) = cost.throttle_status {
            let budget = CostBudget {
                maximum: points(&status.maximum_available),
                available: points(&status.currently_available),
                restore_rate: points(&status.restore_rate),
                seen_at: self.clock.now(),
            };
            lock(&self.budgets).insert(shop.clone(), budget);
        }
        Some(requested)
    }

    async fn post(&self, shop: &ShopDomain, body: &Value) -> Result<Response, StorefrontError> {
        let token = self.token(shop).await?;
        let url = format!("{}/admin/api/{API_VERSION}/graphql.json", self.url_of(shop));
        self.transport.post(&url, Some(token.expose_secret()), body).await
    }

    fn url_of(&self, shop: &ShopDomain) -> String {
        self.url.replace("{shop}", shop.as_str())
    }

    /// The access token of a shop, by the client credentials grant.
    async fn token(&self, shop: &ShopDomain) -> Result<Arc<SecretString>, StorefrontError> {
        let now = self.clock.now();
        if let Some(token) = lock(&self.tokens).get(shop).filter(|token| now < token.valid_until) {
            return Ok(Arc::clone(&token.value));
        }
        let form = json!({
            "client_id": self.app.client_id,
            "client_secret": self.app.client_secret.expose_secret(),
            "grant_type": "client_credentials",
        });
        let url = format!("{}/admin/oauth/access_token", self.url_of(shop));
        let response = self.transport.post(&url, None, &form).await?;
        let status = response.status;
        if status.is_client_error() {
            return Err(StorefrontError::Rejected {
                detail: format!("HTTP {status} for a token of {shop}: check client_id and client_secret"),
            });
        }
        if !status.is_success() {
            return Err(StorefrontError::Unavailable { detail: format!("HTTP {status} for a token"), source: None });
        }
        let grant: Grant = response.json()?;
        let lifetime =
            Duration::from_secs(u64::try_from(grant.expires_in.unwrap_or(3_600)).unwrap_or(0)).saturating_sub(TOKEN_MARGIN);
        let value = Arc::new(grant.access_token);
        let valid_until = now.saturating_add(lifetime).unwrap_or(now);
        lock(&self.tokens).insert(shop.clone(), Token { value: Arc::clone(&value), valid_until });
        Ok(value)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shopify writes points as `2000.0`. Only the whole part counts, because a budget that is rounded down is safe.
fn points(number: &Number) -> u64 {
    number.to_string().split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0)
}
