public import GraphIR
import Runtime

/// Reads the arrays of a `.npz` file that feed nodes of a graph, by name.
///
/// Names and shapes are compared with the graph before an array is unpacked, so that a small file
/// that would grow to gigabytes is refused by its header. Throws for names that the graph does not
/// have, shapes that do not fit, and whatever is wrong with the file.
public func loadInputs(_ path: String, for graph: Graph) throws -> [String: NDArray] {
  let file = try NPZFile(readFrom: path)
  let strangers = file.members.filter { graph.node(named: $0.name) == nil }
  // An archive may hold a hundred thousand names.
  let unknown = strangers.prefix(mostFileProblems).map { member -> Diagnostic in
    var problem = Diagnostic.unknownNode(member.name, graph)
    problem.place = "\(path), member '\(member.name).npy'"
    return problem
  }
  guard unknown.isEmpty else { throw Diagnostics(unknown) }
  try checkShapes(of: file.members, in: path, for: graph)
  var arrays: [String: NDArray] = [:]
  for member in file.members { arrays[member.name] = try file.array(of: member) }
  return arrays
}

/// How many mistakes of one data file are told.
let mostFileProblems = 20

/// Throws when the members' shapes contradict each other or the graph, naming the file.
func checkShapes(
  of members: [NPZFile.Member], in path: String, for graph: Graph
) throws(Diagnostic) {
  let shapes = Dictionary(members.map { ($0.name, $0.shape) }) { first, _ in first }
  do {
    _ = try SizeSolver(graph).solve(given: [:], shapes: shapes)
  } catch {
    // A dimension that these arrays do not bind may be bound by others.
    if error.id == "unbound-dimension" { return }
    var error = error
    error.place = error.place.map { "\(path), member '\($0).npy'" } ?? path
    throw error
  }
}
