// A program with nothing of its own: tests/CMakeLists.txt links it with one room.
int main() {}
