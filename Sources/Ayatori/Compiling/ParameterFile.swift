public import GraphIR
import Runtime

/// Reads parameters by name from a `.npz` or `.safetensors` file.
///
/// Of a training checkpoint only the graph's own parameters and state are taken. Throws for another
/// kind of file, names that the graph does not have, shapes and dtypes that do not fit, and
/// parameters that the file lacks: all before an array is read.
///
/// PyTorch's names are understood: `fc1.weight` and `fc1.bias` are `fc1.W` and `fc1.b`, whose
/// layout is the same. `note` hears of it. `floats` is the dtype that the graph's floats are
/// computed in, where that is another one.
public func loadParameters(
  _ path: String, for graph: Graph, floats: DType? = nil, note: (String) -> Void = { _ in }
) throws -> [String: NDArray] {
  let wanted = graph.persistent.map(\.label)
  let file = try StoredParameters(path)
  var chosen: [StoredArray] = []
  var problems: [Diagnostic] = []
  var renamed = 0
  let names = Set(file.arrays.map(\.name))
  for var array in file.arrays {
    let own = ownName(array.name)
    if wanted.contains(array.name) {
      chosen.append(array)
    } else if wanted.contains(own), !names.contains(own) {
      array.node = own
      chosen.append(array)
      renamed += 1
    } else if !file.isCheckpoint, problems.count < mostFileProblems {
      problems.append(
        Diagnostic(
          "unknown-parameter", "graph '\(graph.name)' has no parameter '\(array.name)'",
          place: "\(path): \(array.name)", expected: "one of " + wanted.joined(separator: ", "),
          got: "'\(array.name)'",
          fix: nearest(to: array.name, among: wanted).map { "did you mean '\($0)'?" }))
    }
  }
  try check(chosen, in: path, for: graph, floats: floats)
  let found = Set(chosen.map(\.node))
  for name in wanted where !found.contains(name) {
    problems.append(
      Diagnostic(
        "missing-parameter", "the file lacks a parameter of graph '\(graph.name)'", place: path,
        expected: graph.node(named: name).map { "'\(name)': \($0.type)" }, got: "nothing"))
  }
  guard problems.isEmpty else { throw Diagnostics(problems) }
  do throws(Diagnostic) {
    try file.checkSeal()
  } catch {
    throw Diagnostics([error])
  }
  var result: [String: NDArray] = [:]
  for array in chosen { result[array.node] = try file.array(array.name) }
  if renamed > 0 {
    note(
      "\(renamed) arrays of \(path) bear PyTorch's names: "
        + "'.weight' is read as '.W', '.bias' as '.b'")
  }
  return result
}

/// A file of parameters of which the headers have been read.
private struct StoredParameters {
  let arrays: [StoredArray]
  let isCheckpoint: Bool
  private let read: (String) throws(Diagnostic) -> NDArray?
  /// The file where it may have a checksum.
  private let seal: SafetensorsReader?

  init(_ path: String) throws(Diagnostic) {
    if path.hasSuffix(".npz") {
      let file = try NPZFile(readFrom: path)
      arrays = file.members.map(StoredArray.init)
      isCheckpoint = false
      seal = nil
      read = { name throws(Diagnostic) in
        guard let member = file.members.first(where: { $0.name == name }) else { return nil }
        return try file.array(of: member)
      }
    } else if path.hasSuffix(".safetensors") {
      let file = try SafetensorsReader(path)
      arrays = file.tensors.map(StoredArray.init)
      isCheckpoint = file.metadata["format"] == "ayatori-checkpoint"
      seal = file
      read = { name throws(Diagnostic) in
        guard let tensor = file.tensors.first(where: { $0.name == name }) else { return nil }
        return try file.array(of: tensor)
      }
    } else {
      throw Diagnostic(
        "parameter-file", "parameters cannot be read from this kind of file", place: path,
        expected: "a .npz or .safetensors file", got: path)
    }
  }

  /// Throws where a checkpoint is not as it was written. Those before version 3 have no checksum.
  func checkSeal() throws(Diagnostic) {
    guard isCheckpoint, let seal else { return }
    let version = seal.metadata["version"].flatMap { Int($0) } ?? 0
    try seal.checkSeal(isRequired: version >= 3)
  }

  /// The array of a name in the file.
  func array(_ name: String) throws(Diagnostic) -> NDArray? { try read(name) }
}

/// Ayatori's name of a layer's parameter that bears PyTorch's.
private func ownName(_ name: String) -> String {
  for (theirs, ours) in [(".weight", ".W"), (".bias", ".b")] where name.hasSuffix(theirs) {
    return name.dropLast(theirs.count) + ours
  }
  return name
}
