# Every library comes from the distribution, found by pkg-config.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
foreach(module libpq libmicrohttpd gnutls yaml-0.1 libuv libseccomp libcurl libarchive zlib
               libnftables libcrypto libssl libjwt ldns libpcre2-8 libcap)
  string(MAKE_C_IDENTIFIER ${module} id)
  pkg_check_modules(${id} REQUIRED IMPORTED_TARGET ${module})
  add_library(dep::${module} ALIAS PkgConfig::${id})
endforeach()
