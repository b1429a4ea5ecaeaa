import Ayatori
import Foundation
import GraphIR
import Synchronization
import Testing

@Suite struct DataFilesFileTests {
  @Test func writesAndReplaces() throws {
    try DataFiles.withDirectory { directory in
      let path = directory + "/a.bin"
      try AtomicFile.write([1, 2, 3], to: path)
      #expect(try readFile(path) == [1, 2, 3])
      try AtomicFile.write(pieces: [[4], [], [5, 6]], to: path)
      #expect(try readFile(path) == [4, 5, 6])
      try AtomicFile.write([], to: path)
      #expect(try readFile(path).isEmpty)
      let left = try FileManager.default.contentsOfDirectory(atPath: directory)
      #expect(left == ["a.bin"])
    }
  }

  @Test func keepsPermissions() throws {
    try DataFiles.withDirectory { directory in
      let path = directory + "/a.bin"
      try AtomicFile.write([1], to: path)
      let fresh = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
      // 0644 less whatever the umask takes.
      #expect((fresh as? Int).map { $0 & ~0o644 } == 0)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      try AtomicFile.write([2], to: path)
      let kept = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
      #expect(kept as? Int == 0o600)
    }
  }

  @Test func followsLinks() throws {
    try DataFiles.withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: directory + "/real", withIntermediateDirectories: false)
      for (link, target) in [("a", "b"), ("b", "real/c"), ("x", "y"), ("y", "x")] {
        try FileManager.default.createSymbolicLink(
          atPath: directory + "/" + link, withDestinationPath: target)
      }
      // First the target is missing, then it is replaced.
      for byte in [UInt8(1), 2] {
        try AtomicFile.write([byte], to: directory + "/a")
        #expect(try readFile(directory + "/real/c") == [byte])
      }
      #expect(
        try FileManager.default.destinationOfSymbolicLink(atPath: directory + "/a") == "b")
      #expect(
        DataFiles.problem { try AtomicFile.write([], to: directory + "/x") } == "file-not-written")
    }
  }

  /// Directories are made as deep as is asked for, or not at all.
  @Test func directoriesAreMadeWholly() throws {
    try DataFiles.withDirectory { directory in
      try makeDirectory(directory + "/a/b/../c//d/")
      #expect(isDirectory(directory + "/a/c/d"))
      let long = String(repeating: "x", count: 300)
      for name in ["/new/x/" + long, "/new/" + String(repeating: "y/", count: 30_000)] {
        #expect(DataFiles.problem { try makeDirectory(directory + name) } == "cannot-write")
        #expect(!isDirectory(directory + "/new"))
      }
    }
  }

  /// A directory that is moved away while a file in it is written keeps no part of that file.
  @Test func dont_leaveAPartInAMovedDirectory() throws {
    try DataFiles.withDirectory { directory in
      let (place, moved) = (directory + "/place", directory + "/moved")
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
      let bytes = [UInt8](repeating: 1, count: 64 << 20)
      let found = Mutex<Diagnostic?>(nil)
      let writer = Thread {
        do throws(Diagnostic) {
          try AtomicFile.write(bytes, to: place + "/a.bin")
        } catch {
          found.withLock { $0 = error }
        }
      }
      writer.start()
      while try FileManager.default.contentsOfDirectory(atPath: place).isEmpty { usleep(100) }
      try FileManager.default.moveItem(atPath: place, toPath: moved)
      while !writer.isFinished { usleep(1000) }
      #expect(found.withLock { $0 }?.id == "file-not-written")
      let left = try FileManager.default.contentsOfDirectory(atPath: moved)
      #expect(left.isEmpty)
    }
  }

  @Test func writesThroughDevices() throws {
    try AtomicFile.write([1, 2, 3], to: "/dev/null")
    #expect(DataFiles.problem { _ = try readFile("/dev/null") } == "no error")
    let error = DataFiles.diagnostic { try AtomicFile.write([1], to: "/dev/full") }
    #expect(error?.message == "cannot write '/dev/full': No space left on device")
  }

  @Test func refusesToWrite() throws {
    try DataFiles.withDirectory { directory in
      for (path, text) in [
        (directory, "Is a directory"), (directory + "/no/a", "No such file or directory"),
        (directory + "/" + String(repeating: "a", count: 300), "File name too long"),
      ] {
        let error = DataFiles.diagnostic { try AtomicFile.write([1], to: path) }
        #expect(error?.id == "file-not-written" && error?.place == path)
        #expect(error?.message == "cannot write '\(path)': \(text)")
      }
      #expect(
        DataFiles.problem { try AtomicFile.write([1], to: directory + "/a\0b") } == "file-name")
      let left = try FileManager.default.contentsOfDirectory(atPath: directory)
      #expect(left.isEmpty)
    }
  }

  @Test func refusesToRead() throws {
    try DataFiles.withDirectory { directory in
      try AtomicFile.write([1, 2, 3], to: directory + "/weights.npz")
      #expect(DataFiles.problem { _ = try readFile(directory) } == "file-is-directory")
      #expect(DataFiles.problem { _ = try readFile(directory + "/a\0") } == "file-name")
      #expect(
        DataFiles.problem { _ = try readFile(directory + "/weights.npz/a") } == "file-not-readable")
      #expect(
        DataFiles.problem { _ = try readFile(directory + "/weights.npz", limit: 2) }
          == "file-too-large")
      #expect(DataFiles.problem { _ = try readFile("/dev/zero", limit: 99) } == "file-too-large")
      let error = DataFiles.diagnostic { _ = try readFile(directory + "/wieghts.npz") }
      #expect(error?.id == "file-not-found")
      #expect(error?.fix == "did you mean '\(directory)/weights.npz'?")
      let deeper = DataFiles.diagnostic { _ = try readFile(directory + "/no/weights.npz") }
      #expect(deeper?.id == "file-not-found", "\(String(describing: deeper))")
      #expect(deeper?.got == "not even the directory '\(directory)/no' is there")
    }
  }

  @Test func readsFilesWhoseSizeIsNotKnown() throws {
    #expect(try readFile("/proc/self/cmdline").isEmpty == false)
  }

  @Test func readsIntegersInEitherOrder() throws {
    var reader = ByteReader([1, 2, 3, 4, 5, 6, 7], in: 1..<7, place: "a")
    let little = try reader.little(UInt16.self, for: "x")
    let big = try reader.big(UInt16.self, for: "x")
    #expect(little == 0x0302 && big == 0x0405)
    #expect(reader.remaining == 2)
    let error = DataFiles.diagnostic { _ = try reader.big(UInt32.self, for: "the count") }
    #expect(error?.id == "truncated-file" && error?.place == "a, byte 5")
    #expect(error?.expected == "4 bytes for the count" && error?.got == "2 bytes")
    #expect(DataFiles.problem { _ = try reader.take(-1, for: "x") } == "truncated-file")
    let rest = try reader.take(2, for: "x")
    #expect(rest == 5..<7)
  }
}
