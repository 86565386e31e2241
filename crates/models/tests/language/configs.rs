//! What is wrong with a `config.json` is told with its key.

use gradus_models::{BertConfig, GptConfig};

#[test]
fn wrong_keys_are_named() {
    let gpt = r#"{"model_type": "gpt2", "vocab_size": 61, "n_positions": 32, "n_embd": 16, "n_layer": 2, "n_head": 4}"#;
    assert!(GptConfig::from_json(gpt).is_ok());
    let told = |from: &str, to: &str| GptConfig::from_json(&gpt.replace(from, to)).unwrap_err().to_string();
    assert!(told("\"n_embd\": 16, ", "").starts_with("config.json: n_embd is missing"));
    assert!(told("16", "\"16\"").starts_with("config.json: n_embd is \"16\", not a whole number"));
    assert!(told("16", "-1").contains("n_embd is -1"));
    assert_eq!(told("16", "18"), "GptConfig: heads is 4, but it must be a divisor of hidden_size (18)");
    assert!(told("gpt2", "t5").contains("model_type is \"t5\", this model has gpt2 or llama"));
    assert!(told("}", "").starts_with("config.json: "));
    assert!(told("}", r#", "activation_function": "relu"}"#).contains("activation_function is \"relu\""));
    let llama = r#"{"model_type": "llama", "vocab_size": 61, "max_position_embeddings": 32, "hidden_size": 16,
        "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24, "rope_scaling": {"type": "linear"}}"#;
    assert!(GptConfig::from_json(llama).unwrap_err().to_string().contains("rope_scaling is"));
    let bert = r#"{"model_type": "bert", "hidden_act": "relu"}"#;
    assert!(
        BertConfig::from_json(bert)
            .unwrap_err()
            .to_string()
            .contains("hidden_act is \"relu\", this model has gelu")
    );
    assert!(BertConfig::from_json("[]").unwrap_err().to_string().contains("not an object of keys"));
}
