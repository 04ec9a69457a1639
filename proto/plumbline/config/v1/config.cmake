# Configuration schemas: options, and one proto for each program that has a file here.
proto_library(config_options config/v1/options)
foreach(program keyserver server admin client)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/plumbline/config/v1/${program}.proto)
    proto_library(config_${program} config/v1/${program} DEPS config_options)
  endif()
endforeach()
