//! Things that are found: boxes in images, items in lists.

use gradus_tensor::Tensor;
use gradus_train::metrics::{BoundingBox, Detection, MeanAveragePrecision, Ranking, TrueBox};
use serde_json::Value;

use crate::{CLOSE, Part, SINGLE, all_close, close, flat, however_cut, matrix, part, rows};

fn bounds(value: &Value) -> BoundingBox {
    let [left, top, right, bottom] = flat(&value["box"])[..] else { panic!("no box: {value}") };
    BoundingBox::new(left, top, right, bottom)
}

#[test]
fn detection_as_pycocotools() {
    let Part { data, want } = part("detection");
    let class = |value: &Value| value["class"].as_u64().unwrap() as usize;
    let images: Vec<(Vec<Detection>, Vec<TrueBox>)> = data["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| {
            let detection = |v: &Value| Detection {
                bounds: bounds(v),
                class: class(v),
                score: v["score"].as_f64().unwrap(),
            };
            let truth = |v: &Value| TrueBox {
                is_ignored: v["ignored"].as_bool().unwrap(),
                ..TrueBox::new(bounds(v), class(v))
            };
            (
                image[0].as_array().unwrap().iter().map(detection).collect(),
                image[1].as_array().unwrap().iter().map(truth).collect(),
            )
        })
        .collect();
    let update = |m: &mut MeanAveragePrecision, range: std::ops::Range<usize>| {
        images[range].iter().for_each(|(detections, truths)| m.update(detections, truths));
    };
    let merge = MeanAveragePrecision::merge;
    however_cut(images.len(), &MeanAveragePrecision::coco(3), update, merge, |m| {
        let [value, at_half, at_three_quarters, recall] =
            [m.value(), m.at(0.5), m.at(0.75), m.recall()].map(Option::unwrap);
        all_close(&[value, at_half, at_three_quarters, recall], &want["coco"]);
        all_close(&[0, 1, 2].map(|class| m.class(class).unwrap()), &want["coco_per_class"]);
    });
    for (name, new) in [("voc", MeanAveragePrecision::voc(3)), ("voc2007", MeanAveragePrecision::voc2007(3))]
    {
        however_cut(images.len(), &new, update, merge, |m| {
            close(m.value().unwrap(), &want[name][0], CLOSE);
            all_close(&[0, 1, 2].map(|class| m.class(class).unwrap()), &want[name][1]);
        });
    }
}

#[test]
fn rankings() {
    let Part { data, want } = part("ranking");
    let (scores, gains) = (rows(&data["scores"]), rows(&data["gains"]));
    for k in [1, 3, 9] {
        let want = &want[k.to_string()];
        let update = |m: &mut Ranking, range: std::ops::Range<usize>| {
            if !range.is_empty() {
                m.update(&matrix(&scores[range.clone()]), &matrix(&gains[range]).cast());
            }
        };
        however_cut(scores.len(), &Ranking::new(k).unwrap(), update, Ranking::merge, |m| {
            let mean = m.value().unwrap();
            close(mean.ndcg, &want["ndcg"], CLOSE);
            close(mean.average_precision, &want["average_precision"], CLOSE);
            close(mean.hit_rate, &want["hit_rate"], SINGLE);
            close(mean.reciprocal_rank, &want["reciprocal_rank"], SINGLE);
            close(mean.recall, &want["recall"], SINGLE);
            close(mean.precision, &want["precision"], SINGLE);
        });
        // One relevant item for each query, both ways.
        let targets: Vec<i64> = (0..scores.len() as i64).map(|i| (i * 7) % 9).collect();
        let (mut one_hot, mut numbers) = (Ranking::new(k).unwrap(), Ranking::new(k).unwrap());
        let flags = Tensor::from_fn([scores.len(), 9], |i| i64::from(targets[i[0]] == i[1] as i64));
        one_hot.update(&matrix(&scores), &flags);
        numbers.update_targets(&matrix(&scores), &Tensor::from(targets));
        assert_eq!(one_hot, numbers);
    }
}
