"""Records what scikit-learn, SciPy, seqeval, sacrebleu, rouge-score, jiwer, pycocotools and torchmetrics say of data drawn
here, for crates/train/tests/metrics.rs.

    pip install scikit-learn seqeval sacrebleu rouge-score jiwer pycocotools torchmetrics
    python crates/train/tests/reference/make_metrics.py > crates/train/tests/reference/metrics.json

The data stands in the file beside the results, so that the tests need no Python. Pascal VOC has no package that is kept;
its rules are written out in `voc`.
"""

import contextlib
import importlib.metadata
import io
import json
import warnings

import jiwer
import numpy as np
import sacrebleu
import sklearn.calibration
import sklearn.metrics as sk
import scipy.stats
import seqeval.metrics
import seqeval.scheme
import torch
import torchmetrics.functional as tm
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from rouge_score import rouge_scorer

warnings.simplefilter("ignore")
rng = np.random.default_rng(5)
out = {}


def plain(value):
    """NumPy's values as JSON's."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return value.item()
    return value


def record(name, data, want):
    out[name] = plain({"data": data, "want": want})


AVERAGES = ["macro", "micro", "weighted"]


def prf(truth, predicted, **options):
    return [float(x) for x in sk.precision_recall_fscore_support(truth, predicted, **options)[:3]]


def classes():
    truth = rng.choice(5, 90, p=[0.4, 0.3, 0.2, 0.07, 0.03])
    predicted = np.where(rng.random(90) < 0.6, truth, rng.choice(5, 90))
    per_class = np.stack(sk.precision_recall_fscore_support(truth, predicted)[:3], axis=1)
    record("classes", {"truth": truth, "predicted": predicted}, {
        "matrix": sk.confusion_matrix(truth, predicted),
        "accuracy": sk.accuracy_score(truth, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, predicted),
        "per_class": per_class,
        **{average: prf(truth, predicted, average=average) for average in AVERAGES},
        "f_half": [sk.fbeta_score(truth, predicted, beta=0.5, average=a) for a in AVERAGES],
        "f_two_per_class": sk.fbeta_score(truth, predicted, beta=2.0, average=None),
        "matthews": sk.matthews_corrcoef(truth, predicted),
        "kappa": [sk.cohen_kappa_score(truth, predicted, weights=w) for w in [None, "linear", "quadratic"]],
        "iou": sk.jaccard_score(truth, predicted, average=None),
        "mean_iou": sk.jaccard_score(truth, predicted, average="macro"),
        "mean_dice": sk.f1_score(truth, predicted, average="macro"),
    })


def probabilities():
    truth = rng.choice(4, 80, p=[0.4, 0.3, 0.2, 0.1])
    # In 128ths, so that they add up to 1 without rounding, with ties and noughts.
    weight = rng.gamma(0.7, size=(80, 4)) + 1.5 * np.eye(4)[truth]
    p = np.stack([rng.multinomial(128, w / w.sum()) for w in weight]) / 128.0
    assert p.max() < 1.0
    area = lambda **o: sk.roc_auc_score(truth, p, **o)
    binary_truth, binary = (truth == 0).astype(int), p[:, 0]
    share, certainty = sklearn.calibration.calibration_curve(binary_truth, binary, n_bins=7)
    tensors = torch.tensor(p), torch.tensor(truth)
    ece = lambda norm: tm.classification.multiclass_calibration_error(*tensors, num_classes=4, n_bins=7, norm=norm)
    record("probabilities", {"truth": truth, "p": p}, {
        "one_vs_rest": [area(multi_class="ovr", average=a) for a in AVERAGES],
        "one_vs_one": [area(multi_class="ovo", average=a) for a in ["macro", "weighted"]],
        "average_precision": [sk.average_precision_score(np.eye(4)[truth], p, average=a) for a in AVERAGES],
        "log_loss": sk.log_loss(truth, p),
        "log_loss_f32": sk.log_loss(truth, p.astype(np.float32)),
        "brier": sk.brier_score_loss(truth, p),
        "calibration_error": ece("l1"),
        "maximum_calibration_error": ece("max"),
        "binary_log_loss": sk.log_loss(binary_truth, binary),
        "binary_brier": sk.brier_score_loss(binary_truth, binary),
        "binary_calibration": [certainty, share],
    })


def curves():
    truth = rng.integers(0, 2, 120)
    scores = rng.integers(-40, 40, 120) / 8.0 + 3.0 * truth
    precision, recall, thresholds = sk.precision_recall_curve(truth, scores)
    false_positives, true_positives, all_thresholds = sk.roc_curve(truth, scores, drop_intermediate=False)
    record("curves", {"truth": truth, "scores": scores}, {
        "roc_auc": sk.roc_auc_score(truth, scores),
        "average_precision": sk.average_precision_score(truth, scores),
        "precision_recall_auc": sk.auc(recall, precision),
        "roc": [all_thresholds[1:], false_positives, true_positives],
        "precision_recall": [thresholds[::-1], precision[::-1], recall[::-1]],
    })


def top_k():
    truth = rng.integers(0, 6, 60)
    scores = np.stack([rng.permutation(60)[:6] for _ in truth]) / 4.0  # no ties
    record("top_k", {"truth": truth, "scores": scores}, {
        str(k): sk.top_k_accuracy_score(truth, scores, k=k, labels=range(6)) for k in [1, 2, 5]
    })


def multilabel():
    truth = (rng.random((50, 4)) < [0.5, 0.3, 0.2, 0.05]).astype(int)
    scores = rng.integers(0, 64, (50, 4)) / 64.0 * 0.7 + 0.3 * truth
    predicted = (scores > 0.5).astype(int)
    record("multilabel", {"truth": truth, "scores": scores}, {
        "per_label": np.stack(sk.precision_recall_fscore_support(truth, predicted)[:3], axis=1),
        **{average: prf(truth, predicted, average=average) for average in AVERAGES + ["samples"]},
        "f_two": [sk.fbeta_score(truth, predicted, beta=2.0, average=a) for a in AVERAGES],
        "exact": sk.accuracy_score(truth, predicted),
        "hamming_loss": sk.hamming_loss(truth, predicted),
    })


def regression():
    truth = np.round(rng.normal(3.0, 2.0, (40, 2)), 2)
    predicted = np.round(truth + rng.normal(0.3, 0.8, (40, 2)), 1)
    x, y = truth[:, 0], predicted[:, 0]
    record("regression", {"truth": truth, "predicted": predicted}, {
        "r2": sk.r2_score(truth, predicted),
        "explained_variance": sk.explained_variance_score(truth, predicted),
        "mae": sk.mean_absolute_error(truth, predicted),
        "mse": sk.mean_squared_error(truth, predicted),
        "mape": sk.mean_absolute_percentage_error(truth, predicted),
        "largest": sk.max_error(x, y),
        "median": [sk.median_absolute_error(x, y), sk.median_absolute_error(x[:-1], y[:-1])],
        "pearson": scipy.stats.pearsonr(x, y).statistic,
        "spearman": scipy.stats.spearmanr(x, y).statistic,
    })


def perplexity():
    logits = np.round(rng.normal(0.0, 2.0, (2, 9, 6)), 2)
    tokens = rng.integers(0, 6, (2, 9))
    tokens[0, 3] = tokens[1, 8] = -100
    value = tm.text.perplexity(torch.tensor(logits), torch.tensor(tokens), ignore_index=-100)
    record("perplexity", {"logits": logits, "tokens": tokens}, {"value": value})


METHODS = ["exp", "floor", "add-k", "none"]
WORDS = "a the cat dog sat ran on mat fast red house very small and then".split()


def sentence(length):
    return list(rng.choice(WORDS, length))


def worse(words):
    """Some words taken out, exchanged or put in."""
    kept = [w if rng.random() < 0.8 else str(rng.choice(WORDS)) for w in words if rng.random() < 0.9]
    return kept + sentence(int(rng.integers(0, 2)))


def text():
    references = [sentence(int(rng.integers(4, 13))) for _ in range(12)]
    others = [worse(words) for words in references]
    hypotheses = [worse(words) for words in references]
    lines = lambda texts: [" ".join(words) for words in texts]
    streams = [lines(references), lines(others)]

    def bleu(hypotheses, streams, **options):
        metric = sacrebleu.BLEU(tokenize="none", force=True, **options)
        return metric.corpus_score(hypotheses, streams).score

    backwards = [words[::-1] for words in hypotheses]  # no run of four is right
    short = [words[:3] for words in hypotheses]  # no run of four at all
    rouge = rouge_scorer.RougeScorer(["rougeL"])
    pairs = [rouge.score(r, h)["rougeL"] for r, h in zip(lines(references), lines(hypotheses))]
    best = [rouge.score_multi([r, o], h)["rougeL"] for r, o, h in zip(*streams, lines(hypotheses))]
    record("text", {"hypotheses": hypotheses, "references": references, "others": others}, {
        "bleu": {
            "exp": bleu(lines(hypotheses), streams),
            "none": bleu(lines(hypotheses), streams, smooth_method="none"),
            "order2": bleu(lines(hypotheses), streams, max_ngram_order=2),
            "one_reference": bleu(lines(hypotheses), streams[:1]),
            "reversed": {m: bleu(lines(backwards), streams, smooth_method=m) for m in METHODS},
            "short": {m: bleu(lines(short), streams, smooth_method=m) for m in METHODS},
        },
        "rouge": np.mean(pairs, axis=0),
        "rouge_best": np.mean(best, axis=0),
        "word_error_rate": jiwer.wer(lines(references), lines(hypotheses)),
        "character_error_rate": jiwer.cer(lines(references), lines(hypotheses)),
    })


def entities():
    def tags(letters, count):
        roles = rng.choice(list("O" + letters), count)
        return [str(r) if r == "O" else f"{r}-{rng.choice(['PER', 'LOC'])}" for r in roles]

    def likely(letters, count):
        """Mostly whole entities."""
        inside, last, single = {"BI": "IIB", "BIES": "IES", "BILU": "ILU"}[letters]
        sequence = []
        while len(sequence) < count:
            kind, size = rng.choice(["PER", "LOC", "ORG"]), int(rng.integers(0, 4))
            if size == 0:
                sequence.append("O")
            elif size == 1:
                sequence.append(f"{single}-{kind}")
            else:
                sequence += [f"B-{kind}"] + [f"{inside}-{kind}"] * (size - 2) + [f"{last}-{kind}"]
        return sequence[:count]

    schemes = {"lenient": ("BIES", None), "iob2": ("BI", "IOB2"), "iobes": ("BIES", "IOBES"), "bilou": ("BILU", "BILOU")}
    for name, (letters, scheme) in schemes.items():
        sizes = rng.integers(1, 12, 14)
        truth = [likely(letters, n) if rng.random() < 0.8 else tags(letters, n) for n in sizes]
        mistake = lambda tag: tag if rng.random() < 0.85 else tags(letters, 1)[0]
        predicted = [[mistake(tag) for tag in sequence] for sequence in truth]
        options = {"mode": "strict", "scheme": getattr(seqeval.scheme, scheme)} if scheme else {}
        score = lambda average: [
            float(f(truth, predicted, average=average, **options))
            for f in [seqeval.metrics.precision_score, seqeval.metrics.recall_score, seqeval.metrics.f1_score]
        ]
        record(f"entities_{name}", {"truth": truth, "predicted": predicted}, {a: score(a) for a in AVERAGES})


def voc(images, threshold, eleven):
    """The development kit's rules, with lines for coordinates instead of pixels."""
    precisions = []
    for c in range(3):
        objects = {i: [t for t in truths if t["class"] == c] for i, (_, truths) in enumerate(images)}
        total = sum(not t["ignored"] for truths in objects.values() for t in truths)
        if total == 0:
            continue
        found = [(i, d) for i, (detections, _) in enumerate(images) for d in detections if d["class"] == c]
        found.sort(key=lambda pair: -pair[1]["score"])
        taken, right, wrong = set(), [], []
        for i, d in found:
            overlaps = [overlap(d["box"], t["box"]) for t in objects[i]]
            best = int(np.argmax(overlaps)) if overlaps else -1
            hit = best >= 0 and overlaps[best] >= threshold
            if hit and objects[i][best]["ignored"]:
                continue
            right.append(hit and (i, best) not in taken)
            wrong.append(not right[-1])
            if hit:
                taken.add((i, best))
        tp, fp = np.cumsum(right), np.cumsum(wrong)
        recall, precision = tp / total, tp / (tp + fp)
        if eleven:
            at = [precision[recall >= t].max() if (recall >= t).any() else 0.0 for t in np.arange(11) / 10]
            precisions.append(float(np.mean(at)))
        else:
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            precisions.append(float(np.sum(np.diff(recall, prepend=0.0) * envelope)))
    return float(np.mean(precisions)), precisions


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0.0) * max(height, 0.0)
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])
    return common / (area(a) + area(b) - common)


def detection():
    images = []
    for _ in range(10):
        truths, detections = [], []
        for _ in range(int(rng.integers(0, 6))):
            left, top = rng.integers(0, 40, 2)
            width, height = rng.integers(4, 24, 2)
            truths.append({"box": [left, top, left + width, top + height], "class": int(rng.integers(0, 3)),
                           "ignored": bool(rng.random() < 0.15)})
            for _ in range(int(rng.integers(0, 3))):
                shifted = np.array(truths[-1]["box"]) + rng.integers(-3, 4, 4)
                if shifted[0] >= shifted[2] or shifted[1] >= shifted[3]:
                    continue
                detections.append({"box": shifted, "class": truths[-1]["class"] if rng.random() < 0.9 else 2,
                                   "score": rng.integers(1, 40) / 40.0})
        for _ in range(int(rng.integers(0, 3))):
            left, top = rng.integers(0, 40, 2)
            detections.append({"box": [left, top, left + 9, top + 7], "class": int(rng.integers(0, 3)),
                               "score": rng.integers(1, 20) / 40.0})
        images.append((detections, truths))
    images = plain(images)
    xywh = lambda b: [b[0], b[1], b[2] - b[0], b[3] - b[1]]
    area = lambda b: (b[2] - b[0]) * (b[3] - b[1])
    coco, numbered = COCO(), iter(range(1, 10**6))
    coco.dataset = {
        "info": {}, "images": [{"id": i} for i in range(len(images))], "categories": [{"id": c} for c in range(3)],
        "annotations": [
            {"id": next(numbered), "image_id": i, "category_id": t["class"], "bbox": xywh(t["box"]),
             "area": area(t["box"]), "iscrowd": int(t["ignored"])}
            for i, (_, truths) in enumerate(images) for t in truths
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        results = coco.loadRes([
            {"image_id": i, "category_id": d["class"], "bbox": xywh(d["box"]), "score": d["score"]}
            for i, (detections, _) in enumerate(images) for d in detections
        ])
        judge = COCOeval(coco, results, "bbox")
        judge.evaluate(), judge.accumulate(), judge.summarize()
        precision = judge.eval["precision"][:, :, :, 0, 2]
    per_class = [precision[:, :, c][precision[:, :, c] > -1].mean() for c in range(3)]
    record("detection", {"images": images}, {
        "coco": judge.stats[[0, 1, 2, 8]], "coco_per_class": per_class,
        "voc": voc(images, 0.5, False), "voc2007": voc(images, 0.5, True),
    })


def ranking():
    scores = np.stack([rng.permutation(90)[:9] for _ in range(25)]) / 8.0 + 0.125  # no ties, all above 0
    gains = (rng.random((25, 9)) < 0.3) * rng.integers(1, 4, (25, 9))
    gains[gains.sum(axis=1) == 0, 0] = 1
    binary = (gains > 0).astype(int)
    pairs = list(zip(torch.tensor(scores), torch.tensor(binary)))
    mean = lambda f, **o: float(np.mean([f(s, g, **o).item() for s, g in pairs]))

    def kaggle(k):
        """MAP@k, divided by the smaller of k and the relevant ones."""
        values = []
        for row, relevant in zip(scores, binary):
            hits = relevant[np.argsort(-row)[:k]]
            precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
            values.append((precision * hits).sum() / min(k, relevant.sum()))
        return float(np.mean(values))

    record("ranking", {"scores": scores, "gains": gains}, {
        str(k): {
            "hit_rate": mean(tm.retrieval.retrieval_hit_rate, top_k=k),
            "ndcg": sk.ndcg_score(gains, scores, k=k),
            "reciprocal_rank": mean(tm.retrieval.retrieval_reciprocal_rank),
            "average_precision": sk.label_ranking_average_precision_score(binary, scores) if k == 9 else kaggle(k),
            "recall": mean(tm.retrieval.retrieval_recall, top_k=k),
            "precision": mean(tm.retrieval.retrieval_precision, top_k=k),
        }
        for k in [1, 3, 9]
    })


def main():
    packages = "numpy scikit-learn scipy seqeval sacrebleu rouge-score jiwer pycocotools torch torchmetrics".split()
    out["versions"] = {name: importlib.metadata.version(name) for name in packages}
    for part in [classes, probabilities, curves, top_k, multilabel, regression, perplexity, text, entities, detection,
                 ranking]:
        part()
    # One line for each part.
    print("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in out.items()) + "\n}")


main()
