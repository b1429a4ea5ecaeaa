import Glibc

/// What a system call returned, with the `errno` of its failure.
struct SystemCall<Value: Sendable>: Sendable {
  let value: Value
  /// Nil when the call succeeded.
  let failure: Int32?
}

// Two functions and not a generic one: nothing may run between the call and the reading of
// `errno`, and unspecialised generic code calls the Swift runtime, which may allocate and set it.

/// Calls again while a signal interrupts: `EINTR` is not a failure of the file.
func retryingInterrupts(_ call: () -> Int32) -> SystemCall<Int32> {
  while true {
    let value = call()
    let code = errno
    if value >= 0 { return SystemCall(value: value, failure: nil) }
    if code != EINTR { return SystemCall(value: value, failure: code) }
  }
}

/// As above, for calls that return a number of bytes.
func retryingInterrupts(_ call: () -> Int) -> SystemCall<Int> {
  while true {
    let value = call()
    let code = errno
    if value >= 0 { return SystemCall(value: value, failure: nil) }
    if code != EINTR { return SystemCall(value: value, failure: code) }
  }
}
