//! Keys and values of tokens that were seen already, so that decoding computes each once.

use gradus_tensor::{Float, Tensor};

/// Keys and values of one attention layer, `[B, K, S, D]`, growing along S. What is there is not copied when tokens are added:
/// there is room in advance, and it doubles when it is used up.
///
/// ```
/// use gradus_layers::KeyValueCache;
/// use gradus_tensor::Tensor;
/// let mut cache = KeyValueCache::new();
/// let token = Tensor::<f32>::ones([1, 2, 1, 8]);
/// (0..5).for_each(|_| cache.append(&token, &token));
/// assert_eq!(cache.keys().dims(), [1, 2, 5, 8]);
/// ```
#[derive(Clone, Debug)]
pub struct KeyValueCache<T: Float = f32> {
    /// Keys and values, `[B, K, room, D]`; none before the first token.
    held: Option<[Tensor<T>; 2]>,
    length: usize,
    capacity: usize,
}

/// Tokens that there is room for at first.
const ROOM: usize = 64;

impl<T: Float> Default for KeyValueCache<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Float> KeyValueCache<T> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty one that will not grow before it holds `tokens`.
    ///
    /// ```
    /// use gradus_layers::KeyValueCache;
    /// use gradus_tensor::Tensor;
    /// let mut cache = KeyValueCache::with_capacity(256);
    /// assert!(cache.is_empty());
    /// let tokens = Tensor::<f32>::ones([1, 2, 7, 8]);
    /// cache.append(&tokens, &tokens);
    /// cache.truncate(5); // back to a prompt that is shared
    /// assert_eq!((cache.len(), cache.values().dims()), (5, [1, 2, 5, 8]));
    /// ```
    #[must_use]
    pub fn with_capacity(tokens: usize) -> Self {
        Self { held: None, length: 0, capacity: tokens }
    }

    /// Tokens held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether no token is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Forgets all tokens but the first `length`; the room stays.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// The tokens of these places of the batch, in that order (Hugging Face: `reorder_cache`): what a beam search goes on with.
    ///
    /// ```
    /// use gradus_layers::KeyValueCache;
    /// use gradus_tensor::Tensor;
    /// let mut cache = KeyValueCache::new();
    /// let tokens = Tensor::<f32>::ones([2, 2, 7, 8]);
    /// cache.append(&tokens, &tokens);
    /// assert_eq!(cache.select(&[1, 1, 0]).keys().dims(), [3, 2, 7, 8]);
    /// ```
    ///
    /// # Panics
    /// If a place lies outside the batch.
    #[must_use]
    #[track_caller]
    pub fn select(&self, places: &[usize]) -> Self {
        let places: Tensor<i64> = places.iter().map(|&place| place as i64).collect();
        let held = self.held.as_ref().map(|held| [0, 1].map(|which| held[which].index_select(0, &places)));
        Self { held, ..*self }
    }

    /// Adds the keys and values of some tokens, both `[B, K, L, D]`. In place, unless a view of [`KeyValueCache::keys`] or
    /// [`KeyValueCache::values`] is still alive.
    ///
    /// # Panics
    /// If the two differ, or B, K or D are not those of the tokens held.
    #[track_caller]
    pub fn append(&mut self, keys: &Tensor<T>, values: &Tensor<T>) {
        let [batch, heads, more, _] = keys.dims();
        let of = |x: &Tensor<T>| [x.dim(0), x.dim(1), x.dim(2)];
        assert!(
            values.rank() == 4 && of(values) == [batch, heads, more],
            "KeyValueCache: keys and values differ: {} and {}",
            keys.shape(),
            values.shape()
        );
        if let Some(held) = &self.held {
            for (held, new) in held.iter().zip([keys, values]) {
                let fits = *new.shape() == held.shape().with(2, more);
                let mut want = *held.shape();
                want = want.with(2, more);
                assert!(fits, "KeyValueCache: tokens do not fit those held: {} (needs {want})", new.shape());
            }
        }
        let length = self.length + more;
        self.reserve(length, [keys, values]);
        if let Some(held) = &mut self.held {
            for (held, new) in held.iter_mut().zip([keys, values]) {
                write(held, new, self.length);
            }
        }
        self.length = length;
    }

    /// Room for `length` tokens, with widths as `like` has them.
    fn reserve(&mut self, length: usize, like: [&Tensor<T>; 2]) {
        let have = self.held.as_ref().map_or(0, |held| held[0].dim(2));
        if length <= have && self.held.is_some() {
            return;
        }
        let room = length.max(2 * have).max(self.capacity).max(ROOM);
        let old = [self.keys_if_any(), self.values_if_any()];
        let mut grown = like.map(|x| Tensor::zeros(x.shape().with(2, room)));
        for (grown, old) in grown.iter_mut().zip(old) {
            if let Some(old) = old {
                write(grown, &old, 0);
            }
        }
        self.held = Some(grown);
    }

    fn keys_if_any(&self) -> Option<Tensor<T>> {
        self.held.as_ref().map(|held| held[0].narrow(2, 0, self.length))
    }

    fn values_if_any(&self) -> Option<Tensor<T>> {
        self.held.as_ref().map(|held| held[1].narrow(2, 0, self.length))
    }

    /// The keys, `[B, K, S, D]`, a view.
    #[must_use]
    pub fn keys(&self) -> Tensor<T> {
        self.keys_if_any().unwrap_or_else(|| Tensor::zeros([0, 0, 0, 0]))
    }

    /// The values, `[B, K, S, D]`, a view.
    #[must_use]
    pub fn values(&self) -> Tensor<T> {
        self.values_if_any().unwrap_or_else(|| Tensor::zeros([0, 0, 0, 0]))
    }
}

/// `[B, K, L, D]` into the room `[B, K, R, D]` of a cache, from token `first` on.
fn write<T: Float>(room: &mut Tensor<T>, new: &Tensor<T>, first: usize) {
    let [batch, heads, more, width] = new.dims();
    let tokens = room.dim(2);
    let new = new.contiguous();
    let (values, room) = (new.as_slice().unwrap_or(&[]), room.make_mut());
    for head in 0..batch * heads {
        let to = &mut room[(head * tokens + first) * width..][..more * width];
        to.copy_from_slice(&values[head * more * width..][..more * width]);
    }
}
