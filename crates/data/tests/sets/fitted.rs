//! Fitted transforms: equal to scikit-learn, and the same again after they were stored.

use gradus_data::{
    Categories, Columns, DataError, Fill, Fitted, FittedPipeline, Imputer, MinMax, Pipeline, Robust,
    Standardiser, Statistics, Transform, Unknown, Values,
};
use gradus_tensor::{AnyTensor, Tensor};

use crate::reference::{Reference, assert_near};

const RECORDED: Reference = Reference::new(include_str!("../reference/fit.txt"));
const TOLERANCE: f64 = 1e-13;

/// The same transform from its statistics, which must survive a trip through names and tensors.
fn stored<F: Fitted>(fitted: &F) -> F {
    let entries: Vec<(String, AnyTensor)> = fitted.statistics().into_iter().collect();
    F::from_statistics(&Statistics::from_iter(entries)).unwrap()
}

#[test]
fn scalers_are_scikit_learns() {
    let (x, new) = (RECORDED.matrix("x", 4), RECORDED.matrix("new", 4));
    let check = |name: &str, applied: Tensor<f64>, back: Tensor<f64>| {
        assert_near(name, &applied.to_vec(), &RECORDED.numbers(&format!("{name}.new")), TOLERANCE);
        assert_near(name, &back.to_vec(), &RECORDED.numbers(&format!("{name}.back")), TOLERANCE);
    };
    let standard = stored(&Standardiser::fit(&x).unwrap());
    check("standard", standard.apply(&new), standard.invert(&new));
    let min_max = stored(&MinMax::fit(&x).unwrap());
    check("min_max", min_max.apply(&new), min_max.invert(&new));
    let min_max_to = stored(&MinMax::fit_to(&x, -2.0, 3.0).unwrap());
    check("min_max_to", min_max_to.apply(&new), min_max_to.invert(&new));
    let robust = stored(&Robust::fit(&x).unwrap());
    check("robust", robust.apply(&new), robust.invert(&new));
    // Features of any shape, in single precision.
    let image = new.reshape([3, 2, 2]).cast::<f32>();
    let scale = Robust::fit(&x.reshape([9, 2, 2]).cast::<f32>()).unwrap();
    let flat: Vec<f64> = scale.apply(&image).to_vec().iter().map(|&v| f64::from(v)).collect();
    assert_near("f32", &flat, &RECORDED.numbers("robust.new"), 1e-4);
}

#[test]
fn imputers_are_scikit_learns() {
    let gaps = RECORDED.matrix("gaps", 3);
    let mut other = gaps.flip(0).to_vec();
    other[1] = f64::NAN;
    let other = Tensor::new([8, 3], &other);
    let fills = [Fill::Mean, Fill::Median, Fill::MostFrequent, Fill::Constant(-1.5)];
    for (fill, name) in fills.iter().zip(["mean", "median", "most_frequent", "constant"]) {
        let plain = stored(&Imputer::fit(&gaps, fill).unwrap());
        let told = stored(&plain.clone().with_indicator());
        for (imputer, kind) in [(plain, 0), (told, 1)] {
            let name = format!("impute.{name}.{kind}");
            assert_near(&name, &imputer.apply(&other).to_vec(), &RECORDED.numbers(&name), TOLERANCE);
        }
    }
}

#[test]
fn categories_are_scikit_learns() {
    let (towns, test) = (RECORDED.words("towns"), RECORDED.words("towns.test"));
    let strict = stored(&Categories::fit(towns.iter().copied()).unwrap());
    assert_eq!(strict.names(), RECORDED.words("one_hot.categories"));
    let numbers = |x: Tensor<f64>| x.to_vec();
    assert_eq!(numbers(strict.one_hot(towns.clone()).unwrap()), RECORDED.numbers("one_hot"));
    assert_eq!(numbers(strict.encode(towns.clone()).unwrap().cast()), RECORDED.numbers("ordinal"));
    let lenient = stored(&strict.clone().unknown(Unknown::Ignore));
    assert_eq!(numbers(lenient.one_hot(test.clone()).unwrap()), RECORDED.numbers("one_hot.test"));
    assert_eq!(numbers(lenient.encode(test.clone()).unwrap().cast()), RECORDED.numbers("ordinal.test"));
    let own = stored(&strict.clone().unknown(Unknown::Own));
    assert_eq!(own.encode(test.clone()).unwrap().to_vec(), [1, 4, 3]);
    assert_eq!(own.one_hot::<f32>(["Köln"]).unwrap().to_vec(), [0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(strict.decode(&strict.encode(towns.clone()).unwrap().to_vec()).unwrap(), towns);

    let error = strict.encode(test).unwrap_err().to_string();
    assert!(error.contains("row 1 holds \"Köln\", which is none of \"Aachen\", \"Bonn\""), "{error}");
    assert!(strict.decode(&[4]).unwrap_err().to_string().contains("there is no category 4, there are 4"));
    assert!(Categories::fit([]).unwrap_err().to_string().contains("no values to tell apart"));
    let twice = Categories::new(vec!["a".into(), "b".into(), "a".into()]);
    assert!(twice.unwrap_err().to_string().contains("\"a\" comes twice"));
}

#[test]
fn numbers_as_categories_go_by_size() {
    let sizes = RECORDED.numbers("sizes");
    let table = Columns::new().with("size", sizes.clone()).unwrap();
    let pipeline = Pipeline::new().column("size", [Transform::Ordinal(Unknown::Refuse)]).fit(&table).unwrap();
    assert_eq!(pipeline.apply::<f64>(&table).unwrap().to_vec(), RECORDED.numbers("sizes.ordinal"));
    let gaps = Columns::new().with("size", vec![2.0, f64::NAN, -0.0, 0.0]).unwrap();
    let pipeline = Pipeline::new().column("size", [Transform::OneHot(Unknown::Refuse)]).fit(&gaps).unwrap();
    assert_eq!(pipeline.names(), ["size=", "size=0", "size=2"]);
    let error = pipeline.apply::<f32>(&table).unwrap_err().to_string();
    assert!(
        error.starts_with("pipeline: ") || error.contains("column \"size\": row 0 holds \"10\""),
        "{error}"
    );
}

/// A table with all kinds of columns.
fn homes() -> Columns {
    Columns::new()
        .with("size", vec![80.0, f64::NAN, 40.0, 60.0])
        .and_then(|table| table.with("rooms", vec![3.0, 2.0, 1.0, 2.0]))
        .and_then(|table| table.with("town", vec!["Ulm", "", "Bonn", "Ulm"]))
        .and_then(|table| table.with("floor", vec!["low", "high", "low", "high"]))
        .unwrap()
}

#[test]
fn pipelines_join_their_columns_and_survive_storage() {
    let fitted = Pipeline::new()
        .column(
            "town",
            [
                Transform::Impute { fill: Fill::MostFrequent, indicator: false },
                Transform::OneHot(Unknown::Own),
            ],
        )
        .column("size", [Transform::Impute { fill: Fill::Median, indicator: true }, Transform::MinMax])
        .column("rooms", [Transform::Robust])
        .column("floor", [Transform::Ordinal(Unknown::Ignore), Transform::Standardise])
        .column("rooms", [])
        .fit(&homes())
        .unwrap();
    let fitted = stored(&fitted);
    let names = ["town=Bonn", "town=Ulm", "town=other", "size", "size missing", "rooms", "floor", "rooms"];
    assert_eq!(fitted.names(), names);
    let x = fitted.apply::<f64>(&homes()).unwrap();
    // The quartiles of 1, 2, 2, 3 rooms are 1.75 and 2.25.
    let rows = [
        [0.0, 1.0, 0.0, 1.0, 0.0, 2.0, 1.0, 3.0],
        [0.0, 1.0, 0.0, 0.5, 1.0, 0.0, -1.0, 2.0],
        [1.0, 0.0, 0.0, 0.0, 0.0, -2.0, 1.0, 1.0],
        [0.0, 1.0, 0.0, 0.5, 0.0, 0.0, -1.0, 2.0],
    ];
    assert_near("pipeline", &x.to_vec(), rows.as_flattened(), TOLERANCE);
    // What is new at the time of application.
    let new = Columns::new()
        .with("floor", vec!["roof"])
        .and_then(|table| table.with("town", vec!["Rom"]))
        .and_then(|table| table.with("size", vec![f64::NAN]))
        .and_then(|table| table.with("rooms", vec![9.0]))
        .unwrap();
    let x = fitted.apply::<f64>(&new).unwrap().to_vec();
    assert_near("new", &x, &[0.0, 0.0, 1.0, 0.5, 1.0, 14.0, -3.0, 9.0], TOLERANCE);
}

#[test]
fn pipelines_name_the_column_and_row_at_fault() {
    let fit = |name: &str, steps: &[Transform]| {
        Pipeline::new().column(name, steps.to_vec()).fit(&homes()).unwrap_err().to_string()
    };
    let impute = |fill: Fill, indicator| Transform::Impute { fill, indicator };
    assert!(fit("price", &[]).contains("there is no \"price\"; there are size, rooms, town, floor"));
    assert!(fit("town", &[Transform::Standardise]).contains("column \"town\": it holds texts"));
    assert!(fit("town", &[]).contains("column \"town\" holds texts at the end of its steps"));
    assert!(fit("size", &[]).contains("column \"size\" has no finite number in row 1"));
    assert!(fit("size", &[Transform::Standardise]).contains("column \"size\": feature 0 has mean NaN"));
    assert!(fit("size", &[Transform::MinMax]).contains("column \"size\": feature 0 has the centre NaN"));
    assert!(fit("town", &[impute(Fill::Mean, false)]).contains("texts cannot be filled with Mean"));
    assert!(fit("size", &[impute(Fill::Text("?".into()), false)]).contains("with the text \"?\""));
    let fitted = Pipeline::automatic(&homes()).fit(&homes()).unwrap();
    let swapped = homes().take(&[0]);
    let wrong = Columns::new().with("size", vec!["big"]).unwrap();
    assert!(fitted.apply::<f32>(&swapped).is_ok());
    assert!(fitted.apply::<f32>(&wrong).unwrap_err().to_string().contains("column \"size\": it holds texts"));
}

#[test]
fn what_cannot_be_fitted_or_restored_is_refused() {
    let text = |result: Result<(), DataError>| result.unwrap_err().to_string();
    let empty = Tensor::<f64>::zeros([0, 2]);
    assert!(text(MinMax::fit(&empty).map(drop)).contains("[0, 2] holds no samples"));
    assert!(
        text(MinMax::fit_to(&Tensor::<f32>::ones([1, 1]), 1.0, 1.0).map(drop)).contains("1 … 1 is no range")
    );
    let infinite = Tensor::from([[1.0_f32, f32::INFINITY], [0.0, 1.0]]);
    assert!(text(Robust::fit(&infinite).map(drop)).contains("feature 1 has the centre inf"));
    let nothing = Tensor::from([[f64::NAN, 1.0]]);
    assert!(
        text(Imputer::fit(&nothing, &Fill::Median).map(drop)).contains("feature 0 would be filled with NaN")
    );

    let mut saved = MinMax::fit(&Tensor::from([[1.0_f32], [3.0]])).unwrap().statistics();
    assert!(
        text(Robust::<f64>::from_statistics(&saved).map(drop))
            .contains("\"centre\" holds F32 instead of F64")
    );
    saved.push("scale", Tensor::from([-1.0_f32]));
    assert!(text(MinMax::<f32>::from_statistics(&saved).map(drop)).contains("and the scale -1"));
    assert!(
        text(MinMax::<f32>::from_statistics(&Statistics::default()).map(drop))
            .contains("there is no \"centre\"")
    );
    let mut texts = Statistics::default();
    texts.push("t.bytes", Tensor::from([0xC3_u8, 0xBC]));
    for ends in [vec![1_i64, 2], vec![3], vec![2, 1], vec![-1]] {
        texts.push("t.ends", Tensor::new([ends.len()], &ends));
        assert!(text(texts.texts("t").map(drop)).contains("\"t\" are no texts"));
    }
    let mut steps = Pipeline::automatic(&homes()).fit(&homes()).unwrap().statistics();
    steps.push_texts("0.steps", ["explode"]);
    assert!(
        text(FittedPipeline::from_statistics(&steps).map(drop))
            .contains("column \"size\": \"explode\" is no step")
    );
    // Statistics of another column.
    let mut mixed = Pipeline::automatic(&homes()).fit(&homes()).unwrap().statistics();
    let wide = Standardiser::fit(&Tensor::<f64>::eye(3)).unwrap().statistics();
    mixed.push_all("1.1", &wide);
    let error = text(FittedPipeline::from_statistics(&mixed).map(drop));
    assert!(
        error.contains("column \"rooms\": standardise was fitted to features [3], and there are [1]"),
        "{error}"
    );
    let twice = [Transform::Impute { fill: Fill::Mean, indicator: true }, Transform::OneHot(Unknown::Refuse)];
    let error = text(Pipeline::new().column("size", twice).fit(&homes()).map(drop));
    assert!(
        error.contains("column \"size\": one column of categories is needed, and there are 2"),
        "{error}"
    );
    assert_eq!(Values::from(vec![1.0]).len(), 1);
}

#[test]
#[should_panic(expected = "robust: apply: features differ: [1, 3] needs [N, …] with [2] behind N")]
fn other_features_panic() {
    let scale = Robust::fit(&Tensor::from([[1.0_f32, 2.0], [3.0, 5.0]])).unwrap();
    let _ = scale.apply(&Tensor::ones([1, 3]));
}
