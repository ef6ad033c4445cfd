# What others install and link: one library for each component, made of the libraries in libs/, its public headers, and
# files for find_package(comet COMPONENTS producer) and pkg-config (comet-producer).
#
# Each build can install both kinds, archives and shared libraries. BUILD_SHARED_LIBS says which one `cmake --install`
# takes; `cmake --install DIR --component static` or `shared` takes the other, without programs.
include(CMakePackageConfigHelpers)

set(comet_kind static)
if(BUILD_SHARED_LIBS)
  set(comet_kind shared)
endif()
set(comet_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/comet)
set(comet_soversion ${PROJECT_VERSION_MAJOR})
if(PROJECT_VERSION_MAJOR EQUAL 0)  # before 1.0 each minor version may change the interface
  set(comet_soversion ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endif()

# comet_public_headers(OUT header...): the headers and those of ours that they include. Nothing else is installed.
function(comet_public_headers OUT)
  set(open ${ARGN})
  set(found)
  while(open)
    list(POP_FRONT open header)
    if(header IN_LIST found)
      continue()
    endif()
    list(APPEND found ${header})
    string(REGEX REPLACE "^comet/([^/]+)/.*" "\\1" library ${header})
    set(file ${PROJECT_SOURCE_DIR}/libs/${library}/include/${header})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(STRINGS ${file} includes REGEX "^#include \"comet/")
    foreach(line ${includes})
      string(REGEX REPLACE "^#include \"([^\"]*)\".*" "\\1" included "${line}")
      list(APPEND open ${included})
    endforeach()
  endwhile()
  list(SORT found)
  set(${OUT} ${found} PARENT_SCOPE)
endfunction()

# comet_version_script(FILE header...): what a shared library shows. That is what the headers declare, and Asio's functions
# with the statics inside them (error categories, the stack of running schedulers), of which a process must have one.
function(comet_version_script FILE)
  set(patterns)
  foreach(header ${ARGN})
    string(REGEX REPLACE "^comet/([^/]+)/.*" "\\1" library ${header})
    file(STRINGS ${PROJECT_SOURCE_DIR}/libs/${library}/include/${header} lines
         REGEX "^(namespace comet|class [A-Z]|struct [A-Z]|[^ #/}].* [a-z_]+\\(|[^ #/}].* operator)")
    set(namespace comet)
    foreach(line ${lines})
      if(line MATCHES "^namespace (comet[a-zA-Z0-9_: ]*) ")
        string(REPLACE "inline " "" namespace "${CMAKE_MATCH_1}")
      elseif(line MATCHES "^(class|struct) ([A-Za-z]+)")
        list(APPEND patterns "${namespace}::${CMAKE_MATCH_2}::*")
      elseif(line MATCHES " operator")
        list(APPEND patterns "${namespace}::operator*")
      elseif(line MATCHES " ([a-z_]+)\\(")
        list(APPEND patterns "${namespace}::${CMAKE_MATCH_1}*")
      endif()
    endforeach()
  endforeach()
  list(APPEND patterns "typeinfo?for?comet::*" "typeinfo?name?for?comet::*" "vtable?for?comet::*" "boost::asio::*"
       "guard?variable?for?boost::asio::*" "typeinfo?for?boost::asio::*" "typeinfo?name?for?boost::asio::*"
       "vtable?for?boost::asio::*" "VTT?for?boost::asio::*")
  list(REMOVE_DUPLICATES patterns)
  string(REPLACE ";" ";\n      " patterns "${patterns}")
  file(WRITE ${FILE}
"COMET_${comet_soversion} {
  global:
    extern \"C++\" {
      ${patterns};
    };
  local:
    *;
};
")
endfunction()

# comet_component(NAME KIND HEADERS file... OF library... [NEEDS component...] [LINKS target...] [PKG module...])
# Target comet_NAME_KIND; KIND is static or shared.
function(comet_component NAME KIND)
  cmake_parse_arguments(ARG "" "" "HEADERS;OF;NEEDS;LINKS;PKG" ${ARGN})
  set(target comet_${NAME}_${KIND})
  set(not_all)
  if(NOT KIND STREQUAL comet_kind)
    set(not_all EXCLUDE_FROM_ALL)
  endif()
  list(TRANSFORM ARG_OF PREPEND "$<TARGET_OBJECTS:comet_" OUTPUT_VARIABLE objects)
  list(TRANSFORM objects APPEND ">")
  set(components)
  foreach(need ${ARG_NEEDS})
    list(APPEND components comet_${need}_${KIND})
  endforeach()
  string(TOUPPER ${KIND} type)
  add_library(${target} ${type} ${not_all} ${objects})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} PUBLIC ${components} Boost::headers Threads::Threads PRIVATE ${ARG_LINKS})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME comet_${NAME} EXPORT_NAME ${NAME} LINKER_LANGUAGE CXX
    ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib
    VERSION ${PROJECT_VERSION} SOVERSION ${comet_soversion})
  comet_public_headers(headers ${ARG_HEADERS})
  if(KIND STREQUAL shared)
    set(map ${CMAKE_BINARY_DIR}/install/comet_${NAME}.map)
    comet_version_script(${map} ${headers})
    target_link_options(${target} PRIVATE -Wl,--version-script=${map})
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${map})
  endif()

  comet_pkg_config(${NAME} ${KIND} NEEDS ${ARG_NEEDS} LINKS ${ARG_LINKS} PKG ${ARG_PKG})
  set(files "file(INSTALL \"${CMAKE_BINARY_DIR}/install/${KIND}/comet-${NAME}.pc\"
    DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig\")")
  foreach(header ${headers})
    string(REGEX REPLACE "^comet/([^/]+)/.*" "\\1" library ${header})
    string(APPEND files "
  file(INSTALL \"${PROJECT_SOURCE_DIR}/libs/${library}/include/${header}\"
    DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/comet/${library}\")")
  endforeach()
  # Of a library that is not built nothing is installed but its targets, which cometConfig.cmake passes over.
  install(CODE "if(EXISTS \"$<TARGET_FILE:${target}>\")\n  ${files}\nendif()" COMPONENT ${KIND} ${not_all})
  install(TARGETS ${target} EXPORT comet-${NAME}-${KIND} OPTIONAL
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${KIND} ${not_all}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${KIND} ${not_all})
  install(EXPORT comet-${NAME}-${KIND} FILE comet-${NAME}-${KIND}-targets.cmake NAMESPACE comet::
          DESTINATION ${comet_cmake_dir} COMPONENT ${KIND} ${not_all})
endfunction()

# Writes install/KIND/comet-NAME.pc. With archives the user's link line names what they need, with shared libraries not.
function(comet_pkg_config NAME KIND)
  cmake_parse_arguments(ARG "" "" "NEEDS;LINKS;PKG" ${ARGN})
  file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  set(requires)
  foreach(need ${ARG_NEEDS})
    list(APPEND requires "comet-${need} = ${PROJECT_VERSION}")
  endforeach()
  set(libs "-L\${prefix}/${CMAKE_INSTALL_LIBDIR} -lcomet_${NAME}")
  if(KIND STREQUAL static)
    list(APPEND requires ${ARG_PKG})
    if(Boost::json IN_LIST ARG_LINKS)
      string(APPEND libs " -lboost_json")  # Debian's Boost has no files for pkg-config
    endif()
  endif()
  list(JOIN requires ", " requires)
  file(WRITE ${CMAKE_BINARY_DIR}/install/${KIND}/comet-${NAME}.pc
"prefix=\${pcfiledir}/${up}
Name: comet-${NAME}
Description: CometMQ, RocketMQ in C++20: ${NAME}. Programs are compiled with -std=c++20.
URL: ${PROJECT_HOMEPAGE_URL}
Version: ${PROJECT_VERSION}
Requires: ${requires}
Libs: ${libs}
Cflags: -I\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}
")
endfunction()

foreach(kind static shared)
  comet_component(producer ${kind}
    HEADERS comet/producer/producer.hpp comet/producer/transaction_producer.hpp
            comet/producer/blocking_producer.hpp comet/producer/request_reply.hpp comet/producer/fmt.hpp
            comet/producer/send_hook.hpp comet/client/client_instance.hpp comet/client/namespaces.hpp
            comet/base/log_sink.hpp
    OF base message remoting routing client producer
    LINKS Boost::json OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB Libdeflate::Libdeflate LZ4::LZ4 Zstd::Zstd
    PKG openssl zlib libdeflate liblz4 libzstd)
endforeach()
# These call what a shared libcomet_producer hides.
comet_component(admin static HEADERS comet/admin/admin.hpp OF admin NEEDS producer LINKS Boost::json)
comet_component(namesrv static HEADERS comet/namesrv/name_server.hpp comet/base/tcp_network.hpp
  OF namesrv NEEDS producer LINKS Boost::json ZLIB::ZLIB)
comet_component(broker static HEADERS comet/broker/broker.hpp comet/base/tcp_network.hpp
  OF store filter broker NEEDS producer LINKS Boost::json ZLIB::ZLIB)

foreach(kind static shared)
  set(not_all)
  if(NOT kind STREQUAL comet_kind)
    set(not_all EXCLUDE_FROM_ALL)
  endif()
  set(comet_boost_components headers)
  if(kind STREQUAL static)
    set(comet_boost_components "headers json")
  endif()
  configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/cometConfig.cmake.in
    ${CMAKE_BINARY_DIR}/install/${kind}/cometConfig.cmake INSTALL_DESTINATION ${comet_cmake_dir}
    PATH_VARS CMAKE_INSTALL_LIBDIR)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/install/${kind}/cometConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/install/${kind}/cometConfig.cmake
                ${CMAKE_BINARY_DIR}/install/${kind}/cometConfigVersion.cmake
                ${CMAKE_CURRENT_LIST_DIR}/FindLibdeflate.cmake
                ${CMAKE_CURRENT_LIST_DIR}/FindLZ4.cmake ${CMAKE_CURRENT_LIST_DIR}/FindZstd.cmake
          DESTINATION ${comet_cmake_dir} COMPONENT ${kind} ${not_all})
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT ${kind} ${not_all})
endforeach()
