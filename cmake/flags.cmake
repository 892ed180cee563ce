# Warnings, hardening and sanitizers: one interface library that every target links.
add_library(warren_flags INTERFACE)
target_compile_definitions(warren_flags INTERFACE _GNU_SOURCE WARREN_VERSION="${PROJECT_VERSION}")
target_include_directories(warren_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_options(warren_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla
  -Wcast-qual -Wwrite-strings -Wformat=2 -Wimplicit-fallthrough -fno-strict-aliasing -g)
if(WARREN_WERROR)
  target_compile_options(warren_flags INTERFACE -Werror)
endif()

option(WARREN_FUZZ "Build the fuzzers with clang's libFuzzer" OFF)
if(WARREN_FUZZ) # everything reports its coverage to the fuzzer; only the fuzzers get its main()
  target_compile_options(warren_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(WARREN_SANITIZE)
  target_compile_options(warren_flags INTERFACE
    -fsanitize=${WARREN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(warren_flags INTERFACE -fsanitize=${WARREN_SANITIZE})
else()
  target_compile_options(warren_flags INTERFACE -fstack-protector-strong -fPIE)
  target_compile_definitions(warren_flags INTERFACE $<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=3>)
  target_link_options(warren_flags INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
# Assertions are for our own mistakes and stay on in release.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
string(REPLACE "-O3" "-O2" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
