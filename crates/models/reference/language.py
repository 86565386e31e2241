"""Writes small checkpoints of GPT-2, LLaMA and BERT with Hugging Face's transformers, and what those models say: logits, generated
tokens, parameter counts. The tests of crates/models read the files under crates/models/tests/recorded.

    pip install torch transformers safetensors
    python crates/models/reference/language.py
"""

import json
import pathlib
import shutil

import torch
import transformers
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).parent.parent / "tests" / "recorded"


def save(name, model, expected, notes):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    for extra in folder.glob("generation_config.json"):
        extra.unlink()
    save_file({k: v.contiguous() for k, v in expected.items()}, folder / "expected.safetensors")
    notes["parameters"] = sum(p.numel() for p in model.parameters())
    notes["transformers"], notes["torch"] = transformers.__version__, torch.__version__
    (folder / "expected.json").write_text(json.dumps(notes, indent=1) + "\n")
    print(name, notes["parameters"])


def spread(model):
    """Weights larger than at first, and norms and biases that are not 1 and 0: else half of a model is invisible."""
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return model.eval()


def continuations(model, prompt):
    common = dict(pad_token_id=0, eos_token_id=None, attention_mask=torch.ones_like(prompt))
    ways = {
        "greedy": dict(do_sample=False, max_new_tokens=12),
        "repetition": dict(do_sample=False, max_new_tokens=12, repetition_penalty=1.7),
        "beams": dict(do_sample=False, max_new_tokens=8, num_beams=4, length_penalty=1.0),
    }
    return {name: model.generate(prompt, **common, **way)[0, prompt.shape[1]:].tolist() for name, way in ways.items()}


def gpt(name, model):
    tokens = torch.randint(0, model.config.vocab_size, (2, 9))
    prompt = torch.tensor([[3, 1, 4, 1, 5]])
    with torch.no_grad():
        expected = {"tokens": tokens, "logits": model(tokens).logits}
    save(name, model, expected, {"prompt": prompt[0].tolist(), "texts": continuations(model, prompt)})


def bert():
    config = transformers.BertConfig(
        vocab_size=61, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
        max_position_embeddings=20, type_vocab_size=2,
    )
    model = spread(transformers.BertForPreTraining(config))
    tokens = torch.randint(0, 61, (3, 7))
    segments = torch.tensor([[0, 0, 0, 1, 1, 1, 1]] * 3)
    keep = torch.tensor([[1] * 7, [1] * 5 + [0] * 2, [1] * 2 + [0] * 5])
    with torch.no_grad():
        out = model(tokens, attention_mask=keep, token_type_ids=segments)
        inner = model.bert(tokens, attention_mask=keep, token_type_ids=segments)
    expected = {
        "tokens": tokens, "segments": segments, "keep": keep, "words": out.prediction_logits,
        "follows": out.seq_relationship_logits, "stream": inner.last_hidden_state, "pooled": inner.pooler_output,
    }
    save("bert", model, expected, {})


def counts():
    """Parameters of the published sizes, without making their weights."""
    with torch.device("meta"):
        found = {
            "gpt2": transformers.GPT2LMHeadModel(transformers.GPT2Config()),
            "bert-base-uncased": transformers.BertModel(transformers.BertConfig()),
        }
    found = {name: sum(p.numel() for p in model.parameters()) for name, model in found.items()}
    (OUT / "counts.json").write_text(json.dumps(found, indent=1) + "\n")
    print(found)


def main():
    torch.manual_seed(20)
    OUT.mkdir(parents=True, exist_ok=True)
    gpt("gpt2", spread(transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=61, n_positions=32, n_embd=16, n_layer=2, n_head=4))))
    gpt("llama", spread(transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=61, max_position_embeddings=32, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=24, tie_word_embeddings=False))))
    bert()
    counts()


main()
