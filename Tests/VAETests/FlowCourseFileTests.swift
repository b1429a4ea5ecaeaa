import Ayatori
import Foundation
import Testing
import VAE

/// The file `gradflow.json` damaged: a diagnostic, or a course of which every view can be drawn.
@Suite struct FlowCourseFileTests {
  private static let text: String = {
    func record(_ step: Int) -> String {
      """
      {"epoch":0.5,"latents":[{"divergence":1,"meanSigma":1,"state":"active"},\
      {"divergence":0,"meanSigma":1}],"loss":1.5,"rows":[{"cosine":-0.5,"name":"mu",\
      "norms":[1,null],"total":2},{"name":"z","norms":[1,2]}],"step":\(step),\
      "terms":[{"name":"a","value":1,"weight":1},{"name":"b","value":"nan","weight":2}]}
      """
    }
    return """
      {"format":"ayatori-gradflow","header":{"activeAbove":0.01,"batch":4,"draws":8,\
      "estimator":"pathwise","every":1,"graph":"g","loss":"loss","node":"z",\
      "terms":["a","b"]},"records":[\(record(1)),\(record(2))],"version":1}
      """
  }()

  /// The id of what is wrong, or nil when every view could be made.
  private static func judge(_ bytes: [UInt8], in directory: String) throws -> String? {
    try Data(bytes).write(to: URL(filePath: directory + "/gradflow.json"))
    do {
      let course = try FlowCourse(readFrom: directory)
      _ = (course.text, course.warnings, course.picture)
      return nil
    } catch {
      #expect(error.place == directory + "/gradflow.json")
      return error.id
    }
  }

  private static func withDirectory(_ body: (String) throws -> Void) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "ayatori-\(UUID())")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    try body(url.path())
  }

  @Test func everyCutIsRefused() throws {
    try Self.withDirectory { directory in
      let bytes = Array(Self.text.utf8)
      #expect(try Self.judge(bytes, in: directory) == nil)
      for count in 0..<bytes.count {
        let id = try Self.judge(Array(bytes[..<count]), in: directory)
        #expect(id == "not-a-course", "\(count)")
      }
    }
  }

  @Test func flippedBitsAreSafe() throws {
    try Self.withDirectory { directory in
      var bytes = Array(Self.text.utf8)
      for index in bytes.indices {
        for bit in [0, 3, 6] {
          bytes[index] ^= 1 << bit
          let id = try Self.judge(bytes, in: directory)
          #expect(id == nil || id == "not-a-course", "byte \(index) bit \(bit): \(id ?? "")")
          bytes[index] ^= 1 << bit
        }
      }
    }
  }
}
