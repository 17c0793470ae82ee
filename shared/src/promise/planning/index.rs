//! Indexes of the planner, each with a type of its own, and vectors that take only their own index.
//!
//! The planner numbers the same things in several ways: an item by its position in the group and by its node in the order of
//! netting, a finished good by its rank among those that compete. A number of one kind is never a number of another.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A number that names one element of an [`IndexVec`].
pub(super) trait TypedIndex: Copy {
    fn new(number: usize) -> Self;
    fn number(self) -> usize;
}

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) struct $name(usize);

        impl TypedIndex for $name {
            #[inline]
            fn new(number: usize) -> Self {
                Self(number)
            }

            #[inline]
            fn number(self) -> usize {
                self.0
            }
        }
    )* };
}

index! {
    /// An item of the loaded part of the group, by its place in the order of netting.
    NodeIndex;
    /// A constrained resource: an item, or a work centre.
    PointIndex;
    /// A finished good among those that compete: by priority, then by date, then by SKU.
    Rank;
    /// Finished goods that share fairly, named by the first of them.
    GroupIndex;
    /// A queue of finished goods at a resource that serves by rank.
    QueueIndex;
}

impl From<Rank> for GroupIndex {
    /// The group whose first finished good has this rank.
    fn from(first: Rank) -> Self {
        Self(first.0)
    }
}

/// A vector whose elements are named by `I`.
pub(super) struct IndexVec<I, T> {
    elements: Vec<T>,
    index: PhantomData<I>,
}

impl<I: TypedIndex, T> IndexVec<I, T> {
    /// Takes the elements in the order of their index.
    pub(super) fn of(elements: Vec<T>) -> Self {
        Self { elements, index: PhantomData }
    }

    /// `count` times the same element.
    pub(super) fn filled(element: T, count: usize) -> Self
    where
        T: Clone,
    {
        Self::of(vec![element; count])
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    /// Every index, in order.
    pub(super) fn indexes(&self) -> impl DoubleEndedIterator<Item = I> + use<I, T> {
        (0..self.elements.len()).map(I::new)
    }

    #[inline]
    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.elements.iter()
    }

    /// Every element with its index, in order.
    pub(super) fn enumerate(&self) -> impl Iterator<Item = (I, &T)> {
        self.elements.iter().enumerate().map(|(number, element)| (I::new(number), element))
    }

    /// Every element with its index, in order, taken out of the vector.
    pub(super) fn into_enumerated(self) -> impl Iterator<Item = (I, T)> {
        self.elements.into_iter().enumerate().map(|(number, element)| (I::new(number), element))
    }

    /// The elements as a plain vector, to add or remove some.
    pub(super) fn elements(&mut self) -> &mut Vec<T> {
        &mut self.elements
    }
}

impl<I, T> Default for IndexVec<I, T> {
    fn default() -> Self {
        Self { elements: Vec::new(), index: PhantomData }
    }
}

impl<I: TypedIndex, T> Index<I> for IndexVec<I, T> {
    type Output = T;

    #[inline]
    fn index(&self, at: I) -> &T {
        &self.elements[at.number()]
    }
}

impl<I: TypedIndex, T> IndexMut<I> for IndexVec<I, T> {
    #[inline]
    fn index_mut(&mut self, at: I) -> &mut T {
        &mut self.elements[at.number()]
    }
}
