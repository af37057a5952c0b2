# SPDX-License-Identifier: Apache-2.0
# Run by CPack on what it is about to pack: it makes directories by the umask of whoever calls it.
file(CHMOD_RECURSE ${CPACK_TEMPORARY_DIRECTORY} DIRECTORY_PERMISSIONS
     OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
