//! The roles that `template.yaml` gives the functions. Simulated and emulated calls of a function use its role, as on AWS, so a flow
//! that outgrows its role fails wherever a test runs it.
//!
//! A permission is written as `dynamodb:Query on Table/index/by_index`. Only statements with single actions of single resources are
//! read; any other form fails, because a wildcard or a managed policy would allow what no flow needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use promissory::ports::Listing;
use promissory::table::Write;

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The permissions of each function, by its name in the template.
static ROLES: LazyLock<BTreeMap<String, BTreeMap<String, String>>> = LazyLock::new(|| read(TEMPLATE));

/// The role of one function.
#[derive(Debug, Clone)]
pub struct Role {
    function: &'static str,
    /// The sentence that names the use of each permission.
    permissions: &'static BTreeMap<String, String>,
}

impl Role {
    /// The role of a function.
    ///
    /// # Panics
    /// If the template has no such function.
    #[must_use]
    pub fn of(function: &str) -> Self {
        let role = ROLES.get_key_value(function);
        let (function, permissions) = role.unwrap_or_else(|| panic!("template.yaml has no function {function}"));
        Self { function, permissions }
    }

    /// The roles of every function.
    pub fn all() -> impl Iterator<Item = Self> {
        ROLES.iter().map(|(function, permissions)| Self { function, permissions })
    }

    /// The name of the function.
    #[must_use]
    pub fn function(&self) -> &'static str {
        self.function
    }

    /// The permissions.
    #[must_use]
    pub fn permissions(&self) -> BTreeSet<&'static str> {
        self.permissions.keys().map(String::as_str).collect()
    }

    /// Uses a permission. Returns the words `ShopifyPusher uses dynamodb:GetItem on Table`, for a record.
    ///
    /// # Panics
    /// If the role does not have it.
    pub fn uses(&self, permission: &str) -> &'static str {
        let words = self.permissions.get(permission);
        words.unwrap_or_else(|| panic!("{} uses {permission}, which its role in template.yaml does not allow", self.function))
    }

    /// What [`Role::uses`] returns for each permission on the table.
    #[must_use]
    pub fn table_uses(&self) -> BTreeSet<&'static str> {
        let on_table = self.permissions.iter().filter(|(permission, _)| permission.starts_with("dynamodb:"));
        on_table.map(|(_, words)| words.as_str()).collect()
    }
}

/// The permission that a function needs to read this number of rows by their keys; `None` where it reads none.
#[must_use]
pub fn needed_to_get(keys: usize) -> Option<&'static str> {
    match keys {
        0 => None,
        1 => Some("dynamodb:GetItem on Table"),
        _ => Some("dynamodb:BatchGetItem on Table"),
    }
}

/// The permission that a write needs, alone or in a transaction: IAM has no action for the transaction itself.
#[must_use]
pub fn needed_to_write(write: &Write) -> &'static str {
    match write {
        Write::Put { .. } => "dynamodb:PutItem on Table",
        Write::Delete { .. } => "dynamodb:DeleteItem on Table",
    }
}

/// The permission that a listing needs.
#[must_use]
pub fn needed_to_list(listing: &Listing) -> &'static str {
    if listing.by_index { "dynamodb:Query on Table/index/by_index" } else { "dynamodb:Query on Table" }
}

fn read(template: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut roles = BTreeMap::new();
    let mut lines = template.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) else { continue };
        if lines.peek().is_some_and(|next| next.trim() == "Type: AWS::Serverless::Function") {
            let policies = lines.by_ref().skip_while(|line| line.trim() != "Policies:").skip(1);
            let policies = policies.take_while(|line| line.starts_with("        "));
            let permissions = permissions(name, &policies.map(str::trim).collect::<Vec<_>>());
            let words = |permission: String| (permission.clone(), format!("{name} uses {permission}"));
            roles.insert(name.to_owned(), permissions.into_iter().map(words).collect());
        }
    }
    roles
}

fn permissions(function: &str, policies: &[&str]) -> BTreeSet<String> {
    let [r#"- Version: "2012-10-17""#, "Statement:", statements @ ..] = policies else {
        panic!("template.yaml: the policies of {function} must be one policy with a version and statements");
    };
    let mut permissions = BTreeSet::new();
    // A denial takes away what a policy that SAM adds gives. The flows use nothing of it.
    let allowed = statements.split(|line| *line == "- Effect: Deny").next().unwrap_or_default();
    assert!(
        !statements.iter().skip(allowed.len()).any(|line| *line == "- Effect: Allow"),
        "template.yaml: {function} denies last"
    );
    let allowed: Vec<&str> = allowed.iter().copied().filter(|line| !line.starts_with('#')).collect();
    for statement in allowed.split(|line| *line == "- Effect: Allow").skip(1) {
        let [actions @ .., resources] = statement else { panic!("template.yaml: {function} has an empty statement") };
        let actions: Vec<&str> = match actions {
            [action] => vec![action.strip_prefix("Action: ").unwrap_or_default()],
            ["Action:", actions @ ..] => actions.iter().map(|action| action.strip_prefix("- ").unwrap_or_default()).collect(),
            _ => Vec::new(),
        };
        let resources = resources.strip_prefix("Resource: ").unwrap_or_default();
        let resources = match own_table(resources) {
            Some(own) => vec![own],
            None => resources.trim_matches(['[', ']']).split(", ").collect(),
        };
        for resource in resources {
            let resource = resource_name(resource);
            for action in &actions {
                let is_plain = action.split_once(':').is_some_and(|(_, name)| name.chars().all(char::is_alphanumeric));
                assert!(is_plain, "template.yaml: {function} has the action {action:?}, which is not one action");
                permissions.insert(format!("{action} on {resource}"));
            }
        }
    }
    assert!(!permissions.is_empty(), "template.yaml: no statement of {function} can be read");
    permissions
}

/// The table of the stack, or the path below it, in a condition that names the same of a restored table.
fn own_table(resource: &str) -> Option<&str> {
    let (restored, own) = resource.strip_prefix("!If [HasRestoredTable, ")?.strip_suffix(']')?.split_once(", ")?;
    let below = own.strip_prefix("!Sub \"${Table.Arn}").and_then(|path| path.strip_suffix('"')).unwrap_or_default();
    let arn = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${RestoredTable}";
    assert_eq!(restored, format!("!Sub \"{arn}{below}\""), "template.yaml: the restored table in place of {own}");
    Some(own)
}

/// The name of a resource in the template, with the path below it.
fn resource_name(resource: &str) -> String {
    let whole = resource.strip_prefix("!GetAtt ").and_then(|name| name.strip_suffix(".Arn").or(name.strip_suffix(".Id")));
    let text = resource.strip_prefix("!Sub ").map(|text| text.trim_matches('"'));
    let below = text.and_then(|text| text.strip_prefix("${")?.split_once(".Arn}"));
    match (whole, below) {
        (Some(name), _) => name.to_owned(),
        (None, Some((name, path))) if !path.contains('*') => format!("{name}{path}"),
        (None, _) => {
            panic!("template.yaml: a statement names the resource {resource}, which is not one resource of the template")
        }
    }
}
