public import GraphIR

/// Reads parameters by name from a `.npz` or `.safetensors` file.
///
/// Of a training checkpoint only the graph's own parameters and state are taken. Throws for another
/// kind of file, names that the graph does not have, and parameters that the file lacks.
///
/// PyTorch's names are understood: `fc1.weight` and `fc1.bias` are `fc1.W` and `fc1.b`, whose
/// layout is the same. `note` hears of it.
public func loadParameters(
  _ path: String, for graph: Graph, note: (String) -> Void = { _ in }
) throws -> [String: NDArray] {
  let wanted = graph.persistent.map(\.label)
  let arrays: [(name: String, array: NDArray)]
  var isCheckpoint = false
  if path.hasSuffix(".npz") {
    arrays = try npzArrays(path, for: graph, wanted)
  } else if path.hasSuffix(".safetensors") {
    let file = try SafetensorsFile.read(path)
    arrays = file.tensors
    isCheckpoint = file.metadata["format"] == "ayatori-checkpoint"
  } else {
    throw Diagnostic(
      "parameter-file", "parameters cannot be read from this kind of file", place: path,
      expected: "a .npz or .safetensors file", got: path)
  }
  var result: [String: NDArray] = [:]
  var problems: [Diagnostic] = []
  var renamed = 0
  for (name, array) in arrays {
    let own = ownName(name)
    if wanted.contains(name) {
      result[name] = array
    } else if wanted.contains(own), !arrays.contains(where: { $0.name == own }) {
      result[own] = array
      renamed += 1
    } else if !isCheckpoint, problems.count < mostFileProblems {
      problems.append(
        Diagnostic(
          "unknown-parameter", "graph '\(graph.name)' has no parameter '\(name)'",
          place: "\(path): \(name)", expected: "one of " + wanted.joined(separator: ", "),
          got: "'\(name)'", fix: nearest(to: name, among: wanted).map { "did you mean '\($0)'?" }))
    }
  }
  for name in wanted where result[name] == nil {
    problems.append(
      Diagnostic(
        "missing-parameter", "the file lacks a parameter of graph '\(graph.name)'", place: path,
        expected: graph.node(named: name).map { "'\(name)': \($0.type)" }, got: "nothing"))
  }
  guard problems.isEmpty else { throw Diagnostics(problems) }
  if renamed > 0 {
    note(
      "\(renamed) arrays of \(path) bear PyTorch's names: "
        + "'.weight' is read as '.W', '.bias' as '.b'")
  }
  return result
}

/// The arrays of a `.npz`. One of a name that is not wanted will be refused by that name: it is not
/// unpacked, and stands there empty.
private func npzArrays(
  _ path: String, for graph: Graph, _ wanted: [String]
) throws(Diagnostic) -> [(name: String, array: NDArray)] {
  let file = try NPZFile(readFrom: path)
  try checkShapes(of: file.members.filter { wanted.contains($0.name) }, in: path, for: graph)
  var arrays: [(name: String, array: NDArray)] = []
  for member in file.members {
    let isWanted = wanted.contains(member.name) || wanted.contains(ownName(member.name))
    let array =
      isWanted ? try file.array(of: member) : NDArray(zeros: .f32, shape: [0])
    arrays.append((member.name, array))
  }
  return arrays
}

/// Ayatori's name of a layer's parameter that bears PyTorch's.
private func ownName(_ name: String) -> String {
  for (theirs, ours) in [(".weight", ".W"), (".bias", ".b")] where name.hasSuffix(theirs) {
    return name.dropLast(theirs.count) + ours
  }
  return name
}
