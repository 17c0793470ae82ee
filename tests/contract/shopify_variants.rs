//! The variants of a shop, read for the validation of the mappings.

use promissory::catalog::ShopVariant;
use promissory::storefront::StorefrontError;
use promissory_fakes::shopify::{Faults, NewItem};

use crate::served::{patient, serve, world_of_now};

/// Protects the validation report: it reads every variant once, over all pages, with its gaps, and none of a deleted product.
#[tokio::test]
async fn every_variant_is_read() {
    let world = world_of_now().await;
    for sku in ["A", "B", "C", "D"] {
        world.item(sku, &[]).await;
    }
    let running = serve(&world, patient()).await;
    running.server.shop(|shop| {
        let id = |shop: &promissory_fakes::shopify::Shop, sku: &str| shop.item(sku).expect("an item").id;
        let (b, c) = (id(shop, "B"), id(shop, "C"));
        shop.relabel(b, "A").expect("known");
        shop.relabel(c, "").expect("known");
        shop.remove_item("D").expect("known");
        shop.add_item(NewItem { untracked: true, ..NewItem::tracked("E") }).expect("new");
        shop.add_item(NewItem { bundle: true, ..NewItem::tracked("F") }).expect("new");
        for n in 0..250 {
            shop.add_item(NewItem::tracked(&format!("N{n:03}"))).expect("new");
        }
    });
    let (front, shop) = (running.front(), world.shop.clone());
    running.fail(Faults { fail: 1, ..Faults::default() });
    let failed = front.variants(&shop, None).await;
    assert!(matches!(failed, Err(StorefrontError::Unavailable { .. })), "{failed:?}");
    let (first, next) = front.variants(&shop, None).await.expect("read");
    let (rest, end) = front.variants(&shop, next.as_deref()).await.expect("read");
    assert_eq!((first.len(), rest.len(), end), (250, 5, None));
    let in_words = |it: &ShopVariant| {
        let sku = it.sku.as_deref().unwrap_or("none");
        assert_ne!(it.variant.number(), it.inventory_item.number(), "a variant is not what is stocked of it");
        format!("{sku}{}{}", if it.tracked { "" } else { " untracked" }, if it.bundle { " bundle" } else { "" })
    };
    let variants: Vec<String> = first.iter().take(6).map(in_words).collect();
    assert_eq!(variants, ["A", "A", "none", "E untracked", "F bundle", "N000"]);
    assert_eq!(rest.iter().map(in_words).next_back().as_deref(), Some("N249"));
}
