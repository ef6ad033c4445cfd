# find_package(comet CONFIG) for users of the installed libraries.
include(CMakePackageConfigHelpers)
set(comet_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/comet)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/cometConfig.cmake.in
  ${CMAKE_BINARY_DIR}/cometConfig.cmake INSTALL_DESTINATION ${comet_cmake_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cometConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(EXPORT cometTargets NAMESPACE comet:: DESTINATION ${comet_cmake_dir})
install(FILES ${CMAKE_BINARY_DIR}/cometConfig.cmake ${CMAKE_BINARY_DIR}/cometConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/FindLibdeflate.cmake
              ${CMAKE_CURRENT_LIST_DIR}/FindLZ4.cmake ${CMAKE_CURRENT_LIST_DIR}/FindZstd.cmake
        DESTINATION ${comet_cmake_dir})
