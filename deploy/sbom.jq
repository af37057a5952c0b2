# SPDX-License-Identifier: Apache-2.0
# Lines of "source package, binary package, version" to an SPDX 2.3 document: what $name of $version was built from.
def id: "SPDXRef-" + gsub("[^A-Za-z0-9.-]"; "-");
[split("\n")[] | select(. != "") | split("\t") | {source: .[0], name: (.[1] | sub(":.*"; "")), version: .[2]}] as $parts
| {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: $name,
    documentNamespace: "https://example.org/weir/spdx/\($name)-\($version)-\($commit)",
    creationInfo: {created: $created, creators: ["Tool: weir-dev-package"]},
    packages: ([{
        name: "weir", SPDXID: "SPDXRef-weir", versionInfo: $version, downloadLocation: "NOASSERTION",
        filesAnalyzed: false, licenseDeclared: "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)",
        sourceInfo: "commit \($commit)"
      }] + [$parts[] | {
        name, SPDXID: (.name | id), versionInfo: .version, downloadLocation: "NOASSERTION", filesAnalyzed: false,
        sourceInfo: "Debian source package \(.source)",
        externalRefs: [{referenceCategory: "PACKAGE-MANAGER", referenceType: "purl",
                        referenceLocator: "pkg:deb/debian/\(.name | @uri)@\(.version | @uri)?distro=bookworm"}]
      }]),
    relationships: ([{spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: "SPDXRef-weir"}]
      + [$parts[] | {spdxElementId: "SPDXRef-weir", relationshipType: "DEPENDS_ON", relatedSpdxElement: (.name | id)}])
  }
