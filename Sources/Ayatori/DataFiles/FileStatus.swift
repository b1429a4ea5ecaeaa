import Glibc
import GraphIR

/// What `stat(2)` says of a path, as far as reading and writing files asks.
struct FileStatus {
  enum Kind {
    case regular, directory, other
  }

  let kind: Kind
  let size: Int
  let permissions: mode_t
  /// What tells it from every other file.
  let identity: (device: dev_t, inode: ino_t)

  /// Follows symbolic links; nil when there is nothing.
  init?(following path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init?(of descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    switch status.st_mode & S_IFMT {
    case S_IFREG: kind = .regular
    case S_IFDIR: kind = .directory
    default: kind = .other
    }
    size = Int(status.st_size)
    permissions = status.st_mode & 0o777
    identity = (status.st_dev, status.st_ino)
  }
}

/// The text of an `errno` value: `No space left on device`.
func errnoText(_ code: Int32) -> String { String(cString: strerror(code)) }

/// Everything before the last slash; `.` without one, `/` when it is the first character.
package func directoryName(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Everything after the last slash.
package func fileName(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return path }
  return String(path[path.index(after: slash)...])
}

/// Whether a directory is there.
package func isDirectory(_ path: String) -> Bool {
  FileStatus(following: path)?.kind == .directory
}

/// Whether two paths lead to one file or directory that is there.
package func isSameFile(_ a: String, _ b: String) -> Bool {
  guard let a = FileStatus(following: a), let b = FileStatus(following: b) else { return false }
  return a.identity == b.identity
}

/// The names in a directory, sorted; empty when it cannot be read.
package func directoryEntries(_ path: String) -> [String] {
  guard let directory = opendir(path) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  // The kernel's record ends with the name, short of the 256 bytes that the C struct declares, so
  // the name is read through a pointer and never as a whole field.
  let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
  while let entry = readdir(directory) {
    let bytes = UnsafeRawPointer(entry) + nameOffset
    let name = String(cString: bytes.assumingMemoryBound(to: CChar.self))
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// C would end the path at the NUL and open another file.
func refuseNUL(in path: String) throws(Diagnostic) {
  guard path.utf8.contains(0) else { return }
  let shown = path.split(separator: "\0", omittingEmptySubsequences: false).joined(separator: "\\0")
  throw Diagnostic(
    "file-name", "a file's name cannot hold a NUL character", place: shown)
}

/// Makes a directory, and those that it lies in; one that is there must take files. Throws a
/// diagnostic with the path and the reason; then there is none that was not there before.
package func makeDirectory(_ path: String) throws(Diagnostic) {
  try refuseNUL(in: path)
  if isDirectory(path) {
    guard access(path, W_OK | X_OK) == 0 else { throw .directory(path, "be written to", errno) }
    return
  }
  guard path.utf8.count < Int(PATH_MAX) else { throw .directory(path, "be made", ENAMETOOLONG) }
  // The ones that are missing, the outermost last.
  var missing = [path]
  while let parent = missing.last.map(directoryName), parent != missing.last, !isDirectory(parent) {
    missing.append(parent)
  }
  var made: [String] = []
  for directory in missing.reversed() {
    if mkdir(directory, 0o777) == 0 {
      made.append(directory)
      continue
    }
    // Looking at the path sets it anew.
    let failure = errno
    if isDirectory(directory) { continue }
    for directory in made.reversed() { rmdir(directory) }
    throw .directory(path, "be made", failure)
  }
}

extension Diagnostic {
  fileprivate static func directory(_ path: String, _ wish: String, _ reason: Int32) -> Diagnostic {
    Diagnostic(
      "cannot-write", "the directory cannot \(wish): \(errnoText(reason))", place: path)
  }
}
