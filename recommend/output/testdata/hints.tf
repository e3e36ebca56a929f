# Plan plan-1 of sgtrim, for account 123456789012 in eu-west-1.
#
# Apply this with sgtrim-remove.tf, where there is one, beside it: rules are imported, narrowed in place or added. Then delete
# sgtrim-remove.tf and apply again: the old rules go. apply.sh does the same for rules that nobody manages: use one of the two.

# ---- Managed by Terraform already: edit these ----

# c-1 proposed narrow-peers of sg-1 one: nothing seen needs more
# tcp 22 10.0.0.0/8 becomes tcp 22 10.0.0.0/9
# in module.a.aws_vpc_security_group_ingress_rule.ssh["\x1b\x0a"]:
#   - ip_protocol = "tcp", from_port = 22, to_port = 22, cidr_ipv4 = "10.0.0.0/8"
#   + ip_protocol = "tcp", from_port = 22, to_port = 22, cidr_ipv4 = "10.0.0.0/9"

# c-2 proposed narrow-peers of sg-1 one: nothing seen needs more
# tcp 80 10.0.0.0/8 becomes tcp 80 sg-2; tcp 80 pl-1
# in aws_security_group.one:
#   - protocol = "tcp", from_port = 80, to_port = 80, cidr_blocks = ["10.0.0.0/8"]
#   + protocol = "tcp", from_port = 80, to_port = 80, security_groups = ["sg-2"]
#   + protocol = "tcp", from_port = 80, to_port = 80, prefix_list_ids = ["pl-1"]
# The group's rules are inline, as far as its state tells: edit its ingress blocks. Resources for single rules cannot be used
# beside them.

# c-3 proposed unused of sg-1 one: nothing seen needs more
# all sg-1 goes
# in aws_security_group_rule.self:
#   - protocol = "-1", from_port = 0, to_port = 0, self = true
# Remove the source, or the resource where no source is left.

# c-4 proposed narrow-ports of sg-1 one: nothing seen needs more
# all ::/0 becomes tcp 443 ::/0
# in aws_default_security_group.one:
#   - protocol = "-1", from_port = 0, to_port = 0, ipv6_cidr_blocks = ["::/0"]
#   + protocol = "tcp", from_port = 443, to_port = 443, ipv6_cidr_blocks = ["::/0"]
# The group's rules are inline, as far as its state tells: edit its egress blocks. Resources for single rules cannot be used
# beside them.

# c-6 proposed narrow-ports of sg-1 one: nothing seen needs more
# udp 53 sg-2 becomes udp 53 10.2.0.0/16
# in aws_security_group_rule.dns:
#   - protocol = "udp", from_port = 53, to_port = 53, source_security_group_id = "sg-2"
#   + protocol = "udp", from_port = 53, to_port = 53, cidr_blocks = ["10.2.0.0/16"]

# ---- Not here ----
# c-5 held unused of sg-1 one: tcp 443 0.0.0.0/0 goes
