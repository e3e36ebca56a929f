package recommend

// leaveToTerraform marks the rules that Terraform manages, and takes their changes out of the patches unless that is allowed:
// the next apply of Terraform would undo them.
func (r *reviewer) leaveToTerraform(p *Plan) {
	for i := range p.Changes {
		c := &p.Changes[i]
		for j := range c.Old {
			owner, owned := r.opt.Terraform.Owner(&c.Old[j].Rule)
			if !owned {
				continue
			}
			c.Old[j].Terraform = owner
			if c.Selected && !r.opt.AllowIaC {
				c.Selected, c.InTerraform = false, true
			}
		}
	}
}
