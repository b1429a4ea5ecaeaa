import Ayatori
import GraphIR

// Every message that training, resuming and evaluating can show.

extension Diagnostic {
  static func dataInputs(_ graph: Graph) -> Diagnostic {
    Diagnostic(
      "data-inputs", "graph '\(graph.name)' does not take a data set of images",
      place: "graph '\(graph.name)'",
      expected:
        "one floating input [batch, pixels], and at most one integer input [batch] for labels",
      got: graph.inputs.isEmpty
        ? "no inputs" : graph.inputs.map { "\($0.label): \($0.type)" }.joined(separator: ", "))
  }

  static func noBatchDimension(_ images: Node) -> Diagnostic {
    Diagnostic(
      "no-batch-dimension", "the batch size of '\(images.label)' is not free", at: images.location,
      place: images.label, expected: "a first dimension without a default, as in 'dim N'",
      got: "\(images.type)")
  }

  static func labelBatch(_ labels: Node, _ images: Node) -> Diagnostic {
    Diagnostic(
      "label-batch", "'\(labels.label)' and '\(images.label)' have different batches",
      at: labels.location, place: labels.label, expected: "[\(images.type.shape.dims[0])]",
      got: "\(labels.type)")
  }

  static func imageSize(
    _ images: Node, _ shape: [Int], of name: String, got: Int?
  ) -> Diagnostic {
    let dim = images.type.shape.dims[1]
    let size = shape.reduce(1, *)
    return Diagnostic(
      "image-size", "the images of '\(name)' do not fit the graph", at: images.location,
      place: images.label,
      expected: "\(size) pixels (\(shape[0])×\(shape[1]))",
      got: got.map { "\(images.type) with \(dim) = \($0)" } ?? "\(images.type)",
      fix: dim.symbolName.map { "set it: --dim \($0)=\(size)" })
  }

  static func unclearReduction(_ loss: String, _ ratio: Double?) -> Diagnostic {
    Diagnostic(
      "unclear-reduction", "'\(loss)' neither sums nor averages over the batch",
      expected: "a loss that doubles, or stays as it is, when every example is given twice",
      got: ratio.map { "a factor of \($0)" } ?? "0 or no number at every parameter that was tried",
      fix: "declare it: --loss-reduction sum, or --loss-reduction mean")
  }

  static func stepNotFinite(
    _ fault: NonFiniteStep, loss: String, _ value: Double, step: Int, epoch: Int
  ) -> Diagnostic {
    let isLoss = !value.isFinite
    let births = fault.births
    return Diagnostic(
      isLoss ? "loss-not-finite" : "gradient-not-finite",
      isLoss
        ? "'\(loss)' became \(text(value)) in epoch \(epoch), step \(step)"
        : "the gradient of '\(loss)' is not finite in epoch \(epoch), step \(step)",
      at: births.first?.location, expected: isLoss ? "a finite loss" : "finite gradients",
      got: births.first.map(born) ?? text(value),
      notes: births.dropFirst().prefix(3).map { Diagnostic.Note("also " + born($0)) }
        + [Diagnostic.Note("the checkpoints that are there stay as they are")],
      fix: unstable + ", or go on without such steps: --on-nonfinite skip")
  }

  /// Where a value came to be, in words.
  private static func born(_ birth: NonFiniteBirth) -> String {
    let subject = birth.gradientOf.map { ", in the gradient at \($0)" } ?? ""
    return "\(text(birth.value)) at \(birth.index) of \(birth.node), which is "
      + "\(birth.expression)\(subject)"
  }

  static func everyStepSkipped(_ loss: String, epoch: Int) -> Diagnostic {
    Diagnostic(
      "loss-not-finite", "no step of epoch \(epoch) was finite: all were skipped",
      expected: "a finite '\(loss)'", got: "none", fix: unstable)
  }

  static func evaluationNotFinite(_ name: String, _ value: Double, epoch: Int) -> Diagnostic {
    Diagnostic(
      "loss-not-finite", "'\(name)' is \(text(value)) on the test set after epoch \(epoch)",
      expected: "a finite mean", got: text(value), fix: unstable)
  }

  static func stateNotFinite(_ name: String, _ count: Int, epoch: Int) -> Diagnostic {
    Diagnostic(
      "state-not-finite", "\(count) elements of '\(name)' are not finite after epoch \(epoch)",
      expected: "finite parameters and optimizer state",
      notes: [.init("no checkpoint was written for this epoch")], fix: unstable)
  }

  static func startNotFinite(
    _ node: Node?, _ name: String, _ bad: NonFiniteElement, epoch: Int
  ) -> Diagnostic {
    Diagnostic(
      "state-not-finite", "'\(name)' is not finite before the next step of epoch \(epoch + 1)",
      at: node?.location, place: name, expected: "finite parameters and optimizer state",
      got: "\(text(bad.value)) at \(bad.index)")
  }

  private static let unstable =
    "lower --learning-rate, or look at the graph with 'ayatori gradflow'"

  /// A NaN has a sign, which means nothing.
  private static func text(_ value: Double) -> String { value.isNaN ? "nan" : "\(value)" }

  static func batchSize(_ size: Int, _ count: Int) -> Diagnostic {
    Diagnostic(
      "batch-size", "the batch size does not fit the data", place: "--batch-size",
      expected: "1 to \(count)", got: "\(size)")
  }

  static func notACheckpoint(_ path: String, _ got: String) -> Diagnostic {
    Diagnostic(
      "not-a-checkpoint", "the file is not a checkpoint of 'ayatori train'", place: path,
      expected: "safetensors with the metadata 'format: \(Checkpoint.format)'", got: got)
  }

  static func checkpointNotFinite(
    _ path: String, _ name: String, _ bad: NonFiniteElement
  ) -> Diagnostic {
    Diagnostic(
      "checkpoint-not-finite", "'\(name)' of the checkpoint is not finite", place: path,
      expected: "finite parameters and optimizer state", got: "\(text(bad.value)) at \(bad.index)")
  }

  static func checkpointLossNotFinite(_ path: String, _ loss: Double) -> Diagnostic {
    Diagnostic(
      "checkpoint-not-finite", "the checkpoint's sum of losses is not finite", place: path,
      expected: "a finite sum, since steps that are not finite do not count", got: text(loss),
      fix: "a run that goes on after such steps goes on so: --on-nonfinite continue")
  }

  /// `differing` are name, value in the checkpoint and value of this run.
  static func checkpointMismatch(
    _ path: String, _ all: [(name: String, was: String, got: String)]
  ) -> Diagnostic {
    // Whatever differs is compiled otherwise.
    let differing = all.count > 1 ? all.filter { $0.name != "compiled-graph" } : all
    let names = differing.map(\.name)
    var notes: [Diagnostic.Note] = []
    if names.contains("graph") {
      notes.append(
        Diagnostic.Note("sizes, constants, dtype and estimators are part of the graph"))
    } else if names == ["compiled-graph"] {
      notes.append(
        Diagnostic.Note(
          "the graph is the same: other passes, or another version of Ayatori, compile it otherwise"
        ))
    }
    func listed(_ value: ((name: String, was: String, got: String)) -> String) -> String {
      differing.map { "\($0.name) \(value($0))" }.joined(separator: ", ")
    }
    return Diagnostic(
      "checkpoint-mismatch",
      "the checkpoint belongs to another run: its \(names.joined(separator: ", ")) "
        + (names.count == 1 ? "differs" : "differ"),
      place: path, expected: listed(\.got) + ", as this run has",
      got: listed(\.was) + " in the checkpoint", notes: notes,
      fix: "give the flags and files of the run that wrote it, or start anew without --resume")
  }

  static func checkpointArray(_ path: String, _ name: String) -> Diagnostic {
    Diagnostic(
      "checkpoint-array", "the checkpoint lacks an array of the training graph", place: path,
      expected: "'\(name)'", got: "nothing")
  }

  static func checkpointSteps(
    _ path: String, _ checkpoint: Checkpoint, stepsPerEpoch: Int
  ) -> Diagnostic {
    Diagnostic(
      "checkpoint-steps", "the checkpoint's epoch and step do not belong together", place: path,
      expected: "\(stepsPerEpoch) steps an epoch",
      got: "step \(checkpoint.step) after epoch \(checkpoint.epoch), with "
        + "\(checkpoint.underWay.images) images learnt from since")
  }
}
