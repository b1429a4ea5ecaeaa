public import GraphIR
import Runtime

/// Reads the arrays of a `.npz` file that feed nodes of a graph, by name.
///
/// Names, shapes and dtypes are compared with the graph before an array is unpacked, so that a
/// small file that would grow to gigabytes is refused by its header. Throws for names that the
/// graph does not have, shapes and dtypes that do not fit, and whatever is wrong with the file.
///
/// `floats` is the dtype that the graph's floats are computed in, where that is another one.
public func loadInputs(
  _ path: String, for graph: Graph, floats: DType? = nil
) throws -> [String: NDArray] {
  let file = try NPZFile(readFrom: path)
  let strangers = file.members.filter { graph.node(named: $0.name) == nil }
  // An archive may hold a hundred thousand names.
  let unknown = strangers.prefix(mostFileProblems).map { member -> Diagnostic in
    var problem = Diagnostic.unknownNode(member.name, graph)
    problem.place = "\(path), member '\(member.name).npy'"
    return problem
  }
  guard unknown.isEmpty else { throw Diagnostics(unknown) }
  try check(file.members.map(StoredArray.init), in: path, for: graph, floats: floats)
  var arrays: [String: NDArray] = [:]
  for member in file.members { arrays[member.name] = try file.array(of: member) }
  return arrays
}

/// How many mistakes of one data file are told.
let mostFileProblems = 20

/// What a file says of an array that has not been read.
struct StoredArray {
  /// The name in the file, and that of the node that it is for.
  let name: String
  var node: String
  let dtype: DType
  /// The file's name of the dtype.
  let storedDType: String
  let shape: [Int]
  /// Where in the file it is, for diagnostics.
  let place: String

  init(_ member: NPZFile.Member) {
    (name, node) = (member.name, member.name)
    (dtype, storedDType) = (member.element.dtype, member.element.numpyName)
    shape = member.shape
    place = "member '\(member.name).npy'"
  }

  init(_ tensor: TensorInfo) {
    (name, node) = (tensor.name, tensor.name)
    (dtype, storedDType) = (tensor.dtype, tensor.dtype.numpyName)
    shape = tensor.shape
    place = "tensor '\(tensor.name)'"
  }
}

/// Throws when the arrays' shapes or dtypes contradict each other or the graph, naming the file.
func check(
  _ arrays: [StoredArray], in path: String, for graph: Graph, floats: DType? = nil
) throws(Diagnostic) {
  let places = Dictionary(arrays.map { ($0.node, "\(path), \($0.place)") }) { first, _ in first }
  do {
    let shapes = Dictionary(arrays.map { ($0.node, $0.shape) }) { first, _ in first }
    _ = try SizeSolver(graph).solve(given: [:], shapes: shapes)
  } catch {
    // A dimension that these arrays do not bind may be bound by others.
    if error.id != "unbound-dimension" {
      var error = error
      error.place = error.place.map { places[$0] ?? "\(path): \($0)" } ?? path
      throw error
    }
  }
  for array in arrays {
    guard let node = graph.node(named: array.node) else { continue }
    do throws(Diagnostic) {
      try node.check(array.dtype, stored: array.storedDType, floats: floats)
    } catch {
      var error = error
      error.place = "\(path), \(array.place)"
      throw error
    }
  }
}
