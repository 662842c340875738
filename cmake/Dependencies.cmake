# The only file that finds packages. Nothing is downloaded at configure time.
# Each one is explained in docs/dependencies.md.
find_package(Threads REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(SQLite3 3.35 REQUIRED)  # INSERT ... RETURNING
find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(LibArchive 3.6 REQUIRED)
find_package(ZLIB 1.2 REQUIRED)
find_package(tl-expected REQUIRED)
if(SLUICE_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()
