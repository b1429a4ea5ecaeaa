public import GraphIR

/// Reads parameters by name from a `.npz` or `.safetensors` file.
///
/// Of a training checkpoint only the graph's own parameters and state are taken. Throws for another
/// kind of file, names that the graph does not have, and parameters that the file lacks.
public func loadParameters(_ path: String, for graph: Graph) throws -> [String: NDArray] {
  let arrays: [(name: String, array: NDArray)]
  var isCheckpoint = false
  if path.hasSuffix(".npz") {
    arrays = try readNPZ(path)
  } else if path.hasSuffix(".safetensors") {
    let file = try SafetensorsFile.read(path)
    arrays = file.tensors
    isCheckpoint = file.metadata["format"] == "ayatori-checkpoint"
  } else {
    throw Diagnostic(
      "parameter-file", "parameters cannot be read from this kind of file", place: path,
      expected: "a .npz or .safetensors file", got: path)
  }
  let wanted = graph.persistent.map(\.label)
  var result: [String: NDArray] = [:]
  var problems: [Diagnostic] = []
  for (name, array) in arrays {
    if wanted.contains(name) {
      result[name] = array
    } else if !isCheckpoint {
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
  return result
}
