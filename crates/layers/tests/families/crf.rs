//! The conditional random field against all its paths, one by one.

use gradus_autodiff::{Var, check_grads};
use gradus_layers::Crf;
use gradus_module::{Context, Param};
use gradus_tensor::{Float, Rng, Tensor, with_threads};

use crate::common::{check_layer, names, noise};

const TAGS: usize = 3;
const LENGTHS: [usize; 4] = [4, 2, 1, 3];

fn field() -> Crf<f64> {
    let mut crf = Crf::new(TAGS, &mut Rng::seed(1)).unwrap().batch_first();
    crf.start_transitions = Param::new(noise([TAGS], 2));
    crf.end_transitions = Param::new(noise([TAGS], 3));
    crf.transitions = Param::new(noise([TAGS, TAGS], 4));
    crf
}

fn mask() -> Tensor<bool> {
    Tensor::from_fn([4, 4], |at| at[1] < LENGTHS[at[0]])
}

/// All sequences of tags of a length.
fn paths(length: usize) -> Vec<Vec<usize>> {
    (0..TAGS.pow(length as u32))
        .map(|n| (0..length).map(|i| n / TAGS.pow(i as u32) % TAGS).collect())
        .collect()
}

/// The score of a path, as the definition says.
fn score(crf: &Crf<f64>, x: &Tensor<f64>, row: usize, path: &[usize]) -> f64 {
    let value = |param: &Param<f64>, at: &[usize]| param.value().at(at);
    let mut sum =
        value(&crf.start_transitions, &[path[0]]) + value(&crf.end_transitions, &[path[path.len() - 1]]);
    sum += path.iter().enumerate().map(|(t, &tag)| x.at(&[row, t, tag])).sum::<f64>();
    sum + path.windows(2).map(|two| value(&crf.transitions, two)).sum::<f64>()
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-10 * (1.0 + b.abs()), "{a} and {b}");
}

#[test]
fn sums_maxima_and_probabilities_are_those_of_all_paths() {
    let (crf, x) = (field(), noise([4, 4, TAGS], 5) * 3.0);
    let tags = Tensor::from_fn([4, 4], |at| ((at[0] * 2 + at[1] * at[1]) % TAGS) as i64);
    let (mask, cx) = (mask(), &mut Context::eval());
    let leaf = Var::leaf(x.clone());
    let likelihood = crf.log_likelihood(&leaf, &tags, Some(&mask), cx);
    let (marginals, best) = (crf.marginals(&x, Some(&mask)), crf.decode(&x, Some(&mask)));
    for (row, &length) in LENGTHS.iter().enumerate() {
        let scored: Vec<(f64, Vec<usize>)> =
            paths(length).into_iter().map(|path| (score(&crf, &x, row, &path), path)).collect();
        let total: f64 = scored.iter().map(|(score, _)| score.exp()).sum();
        near(crf.log_partition(&leaf, Some(&mask)).value().at(&[row]), total.ln());
        let given: Vec<usize> = (0..length).map(|t| tags.at(&[row, t]) as usize).collect();
        near(likelihood.value().at(&[row]), score(&crf, &x, row, &given) - total.ln());
        let most = scored.iter().max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        assert_eq!(best[row], most.1);
        for t in 0..4 {
            for tag in 0..TAGS {
                let through = scored.iter().filter(|(_, path)| path.get(t) == Some(&tag));
                near(
                    marginals.at(&[row, t, tag]),
                    through.map(|(score, _)| score.exp()).sum::<f64>() / total,
                );
            }
        }
    }
    // The gradient of the sum over paths is the marginal.
    let g = crf.log_partition(&leaf, Some(&mask)).sum().backward();
    g.of(&leaf).unwrap().to_vec().iter().zip(marginals.to_vec()).for_each(|(a, b)| near(*a, b));
}

#[test]
fn gradients_to_second_order_and_names() {
    let (mut crf, x, mask) = (field(), noise([4, 4, TAGS], 6), mask());
    assert_eq!(names(&crf), ["start_transitions", "end_transitions", "transitions"]);
    let tags = Tensor::from_fn([4, 4], |at| ((at[0] + at[1]) % TAGS) as i64);
    check_layer(&mut crf, &x, |crf, x| crf.log_likelihood(x, &tags, Some(&mask), &mut Context::eval()));
    // All four inputs at once, where one follows from another.
    let parts = [x, noise([TAGS], 7), noise([TAGS, TAGS], 8)];
    let run = |v: &[Var<f64>]| {
        let mut crf = field();
        crf.start_transitions = Param::standing_for(v[1].clone());
        crf.end_transitions = Param::standing_for(v[1].clone());
        crf.transitions = Param::standing_for(v[2].clone());
        crf.log_partition(&(&v[0] + &v[1]), Some(&mask))
    };
    check_grads(run, &parts, 2).unwrap();
}

/// Time before batch, and a mask of all, are the same field.
#[test]
fn forms_agree() {
    let (crf, x, cx) = (field(), noise([2, 5, TAGS], 9), &mut Context::eval());
    let tags = Tensor::from_fn([2, 5], |at| ((at[0] + at[1]) % TAGS) as i64);
    let want = crf.log_likelihood(&Var::from(&x), &tags, None, cx);
    let all = Tensor::from_fn([2, 5], |_| true);
    assert_eq!(crf.log_likelihood(&Var::from(&x), &tags, Some(&all), cx).value(), want.value());
    let mut turned = Crf::new(TAGS, &mut Rng::seed(0)).unwrap();
    gradus_module::Module::load(&mut turned, &gradus_module::Module::state(&crf)).unwrap();
    let (xt, tt) = (x.transpose(0, 1), tags.transpose(0, 1));
    assert_eq!(turned.log_likelihood(&Var::from(&xt), &tt, None, cx).value(), want.value());
    assert_eq!(turned.decode(&xt, Some(&all.transpose(0, 1))), crf.decode(&x, None));
    assert_eq!(turned.marginals(&xt, None), crf.marginals(&x, None).transpose(0, 1));
}

/// Scores far beyond what e^x can hold, and pairs that are forbidden.
#[test]
fn extreme_scores() {
    let mut crf = field();
    let forbidden = f64::NEG_INFINITY;
    let pairs = Tensor::from_fn([TAGS, TAGS], |at| if at[0] == at[1] { 0.0 } else { forbidden });
    crf.transitions = Param::new(pairs);
    let x =
        Tensor::from_fn([1, 3, TAGS], |at| if at[1] == 1 { -2e4 * at[2] as f64 } else { 1e4 * at[2] as f64 });
    let mut want: Vec<f64> = (0..TAGS).map(|tag| score(&crf, &x, 0, &[tag; 3])).collect();
    want.sort_by(f64::total_cmp);
    let total: f64 = want.iter().map(|s| (s - want[TAGS - 1]).exp()).sum();
    near(crf.log_partition(&Var::from(&x), None).value().at(&[0]), want[TAGS - 1] + total.ln());
    let p = crf.marginals(&x, None);
    near(p.sum().item(), 3.0);
    // A path that was far behind is the only one that may go on.
    crf.transitions =
        Param::new(Tensor::from_fn([TAGS, TAGS], |at| if at[0] == 0 { 0.0 } else { forbidden }));
    let x = Tensor::from_fn([1, 2, TAGS], |at| if at[1] == 0 && at[2] > 0 { 2e3 } else { 0.0 });
    let want: f64 =
        paths(2).iter().map(|path| score(&crf, &x, 0, path).exp()).filter(|e| e.is_finite()).sum();
    near(crf.log_partition(&Var::from(&x), None).value().at(&[0]), want.ln());
}

fn bits<T: Float>(threads: usize) -> Vec<u64> {
    with_threads(threads, || {
        let rng = &mut Rng::seed(11);
        let crf = Crf::<T>::new(17, rng).unwrap().batch_first();
        let x = Var::leaf(Tensor::<T>::normal([40, 30, 17], 0.0, 1.0, rng));
        let tags = Tensor::from_fn([40, 30], |at| ((at[0] + at[1]) % 17) as i64);
        let g = crf.log_likelihood(&x, &tags, None, &mut Context::eval()).sum().backward();
        let all = [g.of(&x).unwrap().to_vec(), g.of(&crf.transitions).unwrap().to_vec()].concat();
        all.into_iter().map(|v| v.as_f64().to_bits()).collect()
    })
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let one = bits::<f32>(1);
    [2, 3, 5].into_iter().for_each(|threads| assert_eq!(one, bits::<f32>(threads)));
}

#[test]
fn no_sequences() {
    let crf = field();
    let x = Var::leaf(Tensor::<f64>::zeros([0, 4, TAGS]));
    let y = crf.log_likelihood(&x, &Tensor::zeros([0, 4]), None, &mut Context::eval());
    assert_eq!(y.dims(), [0]);
    assert_eq!(y.sum().backward().of(&crf.transitions).unwrap().to_vec(), [0.0; 9]);
    assert!(crf.decode(x.value(), None).is_empty());
}

fn likelihood(tags: Tensor<i64>, mask: Option<Tensor<bool>>) {
    let x = Var::from(noise([2, 3, TAGS], 1));
    let _ = field().log_likelihood(&x, &tags, mask.as_ref(), &mut Context::eval());
}

#[test]
#[should_panic(expected = "Crf: no such tag: 3 at [1, 0] of [2, 3] (tags 0 .. 3)")]
fn unknown_tags_are_named() {
    likelihood(Tensor::from([[0_i64, 1, 2], [3, 0, 0]]), None);
}

#[test]
#[should_panic(expected = "Crf: the mask has a hole: sequence 1 ends after 1 tokens, but token 2 counts")]
fn masks_have_no_holes() {
    likelihood(Tensor::zeros([2, 3]), Some(Tensor::from([[true; 3], [true, false, true]])));
}

#[test]
#[should_panic(expected = "Crf: the mask hides the first token of sequence 0")]
fn sequences_are_not_empty() {
    likelihood(Tensor::zeros([2, 3]), Some(Tensor::from([[false; 3], [true; 3]])));
}

#[test]
#[should_panic(expected = "Crf: emissions are not [B, T, K] with K = 3 and T > 0: [2, 3, 4]")]
fn emissions_fit() {
    let _ = field().decode(&noise([2, 3, 4], 1), None);
}

#[test]
#[should_panic(expected = "Crf: tags do not fit the emissions: [3, 2] (needs [2, 3])")]
fn tags_fit() {
    likelihood(Tensor::zeros([3, 2]), None);
}
