//! How tokens are chosen: the memory changes nothing, the rules keep what they say, and bad prompts are refused.

use gradus_models::*;
use gradus_module::Context;
use gradus_tensor::{Rng, Tensor};

use super::recorded::{close, recorded};

fn models() -> Vec<Gpt> {
    let small = |positions| GptConfig {
        layers: 2,
        hidden_size: 32,
        inner_size: 64,
        positions,
        ..GptConfig::small(40, 24)
    };
    let kinds =
        [Positions::Learned, Positions::Sinusoidal, Positions::Rotary { base: 1e4 }, Positions::Alibi];
    let modern =
        GptConfig { layers: 2, hidden_size: 32, inner_size: 48, heads: 4, ..GptConfig::modern(40, 24) };
    let configs = kinds.into_iter().map(small).chain([modern]);
    configs.map(|config| Gpt::new(config, &mut Rng::seed(3)).unwrap()).collect()
}

#[test]
fn a_memory_changes_nothing() {
    for model in models() {
        let tokens = Tensor::randint([2, 20], 0, 40, &mut Rng::seed(4));
        let whole = model.forward(&tokens, &mut Context::eval());
        let mut memory = model.memory(0);
        // First some at once, then one after another.
        let mut from = 0;
        for to in [7, 8, 9, 12, 20] {
            let logits = model.next(&tokens.narrow(1, from, to - from), &mut memory);
            close(&logits, &whole.select(1, to - 1).value().contiguous(), 1e-5);
            from = to;
        }
    }
}

#[test]
fn later_tokens_change_nothing_before() {
    for model in models() {
        let tokens = Tensor::randint([1, 12], 0, 40, &mut Rng::seed(5));
        let other = Tensor::cat(&[&tokens.narrow(1, 0, 7), &tokens.narrow(1, 0, 5)], 1);
        let [a, b] =
            [tokens, other].map(|tokens| model.forward(&tokens, &mut Context::eval()).narrow(1, 0, 7));
        assert_eq!(a.value().to_vec(), b.value().to_vec());
    }
}

#[test]
fn the_same_seed_says_the_same_and_streams_what_it_answers() {
    let model = &models()[0];
    let wish =
        Generation { sampling: Sampling { temperature: 1.3, ..Sampling::default() }, ..Generation::new(15) };
    let mut streamed = Vec::new();
    let mut say = |seed| {
        streamed.clear();
        let text = generate(model, &[1, 2], &wish, &mut Rng::seed(seed), |token| {
            streamed.push(token);
            true
        });
        assert_eq!(text.as_ref().unwrap(), &streamed);
        text.unwrap()
    };
    let (first, again, other) = (say(1), say(1), say(2));
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn texts_end_where_they_are_told_to() {
    let recorded = recorded("gpt2");
    let (model, prompt) = (recorded.gpt(), recorded.list(&["prompt"]));
    let text = recorded.list(&["texts", "greedy"]); // 13 60 60 29 1 60 29 …
    let say = |wish: Generation| {
        let wish = Generation { sampling: Sampling::greedy(), ..wish };
        generate(&model, &prompt, &wish, &mut Rng::seed(0), |_| true).unwrap()
    };
    assert_eq!(say(Generation { end: Some(29), ..Generation::new(12) }), text[..4]);
    assert_eq!(say(Generation { stop: vec![vec![29, 1, 60]], ..Generation::new(12) }), text[..6]);
    // What stands in the prompt does not count.
    assert_eq!(say(Generation { stop: vec![vec![5, 13]], ..Generation::new(12) }), text);
    let mut left = 3;
    let wish = Generation { sampling: Sampling::greedy(), ..Generation::new(12) };
    let some = generate(&model, &prompt, &wish, &mut Rng::seed(0), |_| {
        left -= 1;
        left > 0
    });
    assert_eq!(some.unwrap(), text[..3]);
}

#[test]
fn a_search_finds_the_likeliest_text_if_it_keeps_all() {
    let config = GptConfig { layers: 1, hidden_size: 16, inner_size: 32, ..GptConfig::small(4, 8) };
    let model = Gpt::new(config, &mut Rng::seed(6)).unwrap();
    let found =
        beam_search(&model, &[1], &Beams { width: 64, length_penalty: 0.0, ..Beams::new(3) }).unwrap();
    let log = |text: &[i64]| {
        let whole: Vec<i64> = [1].iter().chain(text).copied().collect();
        let logits = model.forward(&Tensor::new([1, 4], &whole), &mut Context::eval()).log_softmax(-1);
        (0..3).map(|at| f64::from(logits.value().at(&[0, at, text[at] as usize]))).sum::<f64>()
    };
    let all = (0..64).map(|n| vec![n / 16, n / 4 % 4, n % 4]);
    let best = all.max_by(|a, b| log(a).total_cmp(&log(b))).unwrap();
    assert_eq!(found.len(), 64);
    assert_eq!(found[0].tokens, best);
    assert!((found[0].score - log(&best)).abs() < 1e-5);
}

#[test]
fn rules_keep_what_they_say() {
    let logits: Vec<f32> = [0.4_f32, 0.3, 0.15, 0.1, 0.05].iter().map(|p| p.ln()).collect();
    let drawn = |sampling: Sampling| {
        let mut counts = [0; 5];
        let mut rng = Rng::seed(8);
        (0..4000).for_each(|_| counts[sampling.choose(&logits, &[], &mut rng) as usize] += 1);
        counts.map(|count| f64::from(count) / 4000.0)
    };
    let near = |got: [f64; 5], want: [f64; 5]| {
        assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 0.03 && (b > 0.0 || *a == 0.0)), "{got:?}");
    };
    near(drawn(Sampling::default()), [0.4, 0.3, 0.15, 0.1, 0.05]);
    near(drawn(Sampling { top_k: Some(2), ..Sampling::default() }), [4.0 / 7.0, 3.0 / 7.0, 0.0, 0.0, 0.0]);
    let nucleus = Sampling { top_p: Some(0.8), ..Sampling::default() };
    near(drawn(nucleus), [0.4 / 0.85, 0.3 / 0.85, 0.15 / 0.85, 0.0, 0.0]);
    let least = Sampling { min_p: Some(0.3), ..Sampling::default() };
    near(drawn(least), [0.4 / 0.85, 0.3 / 0.85, 0.15 / 0.85, 0.0, 0.0]);
    let total = 0.16 + 0.09 + 0.0225 + 0.01 + 0.0025;
    let cold = Sampling { temperature: 0.5, ..Sampling::default() };
    near(drawn(cold), [0.16, 0.09, 0.0225, 0.01, 0.0025].map(|p| p / total));
    let none = [f32::NEG_INFINITY, f32::NAN, 1.0];
    assert_eq!(Sampling::default().choose(&none, &[], &mut Rng::seed(0)), 2);
}

#[test]
fn bad_prompts_are_refused() {
    let [learned, _, _, alibi, _] = &models()[..] else { unreachable!() };
    let ask = |model: &Gpt, prompt: &[i64], tokens| {
        generate(model, prompt, &Generation::new(tokens), &mut Rng::seed(0), |_| true)
    };
    let told = |prompt: &[i64]| ask(learned, prompt, 5).unwrap_err().to_string();
    assert!(told(&[]).starts_with("the prompt is empty"));
    assert!(told(&[1, 40]).starts_with("token 40 at place 1 lies outside the vocabulary of 40"));
    assert_eq!(told(&[0; 25]), "the text has 25 tokens, the model sees 24 at most: shorten it");
    // A context that fills up ends the text; linear biases go on.
    assert_eq!(ask(learned, &[0; 20], 50).unwrap().len(), 5);
    assert_eq!(ask(alibi, &[0; 30], 20).unwrap().len(), 20);
}
