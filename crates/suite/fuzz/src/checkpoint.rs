//! Checkpoints: one that a real training wrote, and the trainer's own door to read others. It must never know their form.

use std::path::PathBuf;
use std::sync::OnceLock;

use gradus_autodiff::Var;
use gradus_data::{Batch, Loader, Pairs};
use gradus_module::{Context, Param};
use gradus_optimizers::Adam;
use gradus_tensor::Tensor;
use gradus_train::Trainer;

use crate::judge;

type Model = (Param,);

fn loss((w,): &Model, batch: &Batch<Tensor, Tensor>, _: &mut Context<'_>) -> Var {
    (&**w * &(&batch.inputs).into() - &(&batch.targets).into()).square().mean()
}

fn trainer() -> Trainer<'static, Model, Adam> {
    Trainer::new((Param::new([0.5_f32]),), Adam::new(0.1))
}

/// A file of this process: several may fuzz at once.
fn path(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("gradus-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    folder.join(name)
}

/// A checkpoint after one epoch.
pub fn sound() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let path = path("sound.safetensors");
        let pairs = Pairs::new(Tensor::from([1.0_f32, 2.0]), Tensor::from([3.0_f32, 6.0])).expect("they fit");
        let mut loader = Loader::new(pairs, 1, 7);
        trainer().epochs(1).checkpoint(&path).fit(&mut loader, loss).expect("it trains");
        std::fs::read(&path).expect("a checkpoint is written")
    })
}

/// Goes on from a file of these bytes.
pub fn resume(bytes: &[u8]) {
    let path = path("x.safetensors");
    std::fs::write(&path, bytes).expect("the temporary folder can be written");
    judge(trainer().resume(&path));
}
