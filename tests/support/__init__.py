"""What the tests stand on: real servers, a clock that is moved by hand, made-up people."""
